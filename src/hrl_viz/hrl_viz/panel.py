"""The page's controls and plots.

Everything here is called in the page's thread (``PageThread``): callbacks that change the page are coroutines, which
viser calls there; those that only ask something of the graph may run in any thread.
"""

from collections import deque
from collections.abc import Callable

import numpy as np
import viser
from viser import uplot

from hrl_viz import palette
from hrl_viz.commands import Commands
from hrl_viz.curves import Curves

_FLOOR_TILT = 1e-6
_ANSWERS = 3
"""How many of the last answers are shown: those of two requests may come at once, and in either order."""


LEGEND = {
    "robot, where it has been": palette.TRAIL,
    "subgoal of the manager: arrow, ghost; earlier ones": palette.of_level(0),
    "of the level above it (manager_2), larger": palette.of_level(1),
    "of the levels above that (manager_3, ...), larger still": palette.of_level(2),
    "relabelled subgoal": palette.RELABELLED,
    "goal, circle of success": palette.GOAL,
    "apple": palette.APPLE,
    "bomb": palette.BOMB,
}


def legend() -> str:
    """What the colours mean, as HTML."""
    dot = '<span style="color: {}">&#9679;</span> {}'
    rows = [dot.format(palette.hexadecimal(color), name) for name, color in LEGEND.items()]
    return f'<div style="font-size: 0.85em; padding: 0 0.7em">{"<br>".join(rows)}</div>'


class Panel:
    """Everything beside the picture."""

    def __init__(self, server: viser.ViserServer, curves: Curves, refollow: Callable[[bool], None]) -> None:
        """Lay it out.

        Args:
            server: whose page it is on.
            curves: what is plotted.
            refollow: told when following the robot is switched.
        """
        self._server, self._curves = server, curves
        server.gui.configure_theme(control_layout="collapsible", control_width="medium", show_logo=False)
        server.gui.set_panel_label("hrl viewer")
        self._status = server.gui.add_markdown("")
        self._message = server.gui.add_markdown("")
        self._answers: deque[str] = deque(maxlen=_ANSWERS)
        self._said: dict[str, str] = {}
        self._tree: viser.GuiHtmlHandle | None = None
        self._tree_folder: viser.GuiFolderHandle | None = None
        self._follow = server.gui.add_checkbox("Follow the robot", False)

        @self._follow.on_update
        async def _follow(_: object) -> None:
            refollow(self._follow.value)

        self.frame = ""
        """Fixed frame of the markers, and so of the goals that are set here."""

    @property
    def following(self) -> bool:
        """Whether the cameras follow the robot."""
        return self._follow.value

    def follow(self) -> None:
        """Have the cameras follow the robot, until somebody unticks the box."""
        self._follow.value = True

    def offer_goal(self, offered: bool) -> None:
        """Whether a goal can be set here: not where it is no place."""
        self._goal.visible = offered

    def connect(self, commands: Commands) -> None:
        """Add the controls."""
        gui = self._server.gui
        with gui.add_folder("Run"):
            acts = {
                "Pause": lambda: commands.pause(True),
                "Resume": lambda: commands.pause(False),
                "Step": lambda: commands.step(int(count.value)),
                "Reset": commands.reset,
            }
            group = gui.add_button_group("Run", tuple(acts))
            group.on_click(lambda event: acts[event.target.value]())
            count = gui.add_number("Steps per click", 1, min=1, max=1000, step=1)
            pace = gui.add_number("Real-time factor", 1.0, min=0.0, max=1000.0, step=0.1, hint="0: as fast as possible")
            gui.add_button("Set real-time factor").on_click(lambda _: commands.pace(float(pace.value)))
            hint = "of a recording; live: start from its seed again"
            episode = gui.add_number("Episode", 0, min=0, step=1, hint=hint)
            gui.add_button("Go to episode").on_click(lambda _: commands.choose(int(episode.value)))
        self._goal = gui.add_folder("Goal")
        with self._goal:
            where = gui.add_vector2("Goal x, y [m]", (8.0, 0.0), step=0.5)
            gui.add_button("Set goal").on_click(lambda _: commands.goal(*where.value, self.frame))
            by_click = gui.add_checkbox("Set goal by clicking the floor", False)
        self._clicks(by_click, where, commands)
        with gui.add_folder("Colours"):
            gui.add_html(legend())
        with gui.add_folder("Plots"):
            self._plots = {name: self._plot(curve.title, curve.color) for name, curve in self._curves.curves.items()}

    def show_tree(self, html: str) -> None:
        """Show a tree of skills, as HTML."""
        if self._tree is None:
            # In sight without scrolling.
            self._tree_folder = self._server.gui.add_folder("Tree", order=self._follow.order + 0.5)
            with self._tree_folder:
                self._tree = self._server.gui.add_html(html)
        elif self._tree.content != html:
            self._tree.content = html

    def hide_tree(self) -> None:
        """Take away what belonged to a run before."""
        if self._tree_folder is not None:
            self._tree_folder.remove()
            self._tree = self._tree_folder = None

    def tell(self, status: str) -> None:
        """Say how the run is."""
        self._say("status", self._status, status)

    def answer(self, message: str) -> None:
        """Say what came of a request, above what came of those before."""
        self._answers.appendleft(message)
        self._say("message", self._message, "\n".join(f"- {words}" for words in self._answers))

    def plot(self) -> None:
        """Bring the plots up to date."""
        for name, data in self._curves.changed().items():
            self._plots[name].data = data

    def _say(self, name: str, place: viser.GuiMarkdownHandle, words: str) -> None:
        if self._said.get(name) != words:
            self._said[name] = place.content = words

    def _plot(self, title: str, color: str) -> viser.GuiUplotHandle:
        empty = np.array([0.0, 1.0])
        return self._server.gui.add_uplot(
            (empty, np.full(2, np.nan)),
            (uplot.Series(label="simulated time [s]"), uplot.Series(label=title, stroke=color, width=2)),
            title=title,
            scales={"x": uplot.Scale(time=False, auto=True), "y": uplot.Scale(auto=True)},
            legend=uplot.Legend(show=False),
            height=150,
        )

    def _clicks(self, by_click: viser.GuiInputHandle[bool], where: viser.GuiInputHandle, commands: Commands) -> None:
        """Turn clicks on the floor (z = 0) into goals while the box is ticked."""
        scene = self._server.scene

        async def clicked(event: viser.SceneClickEvent) -> None:
            (x, y, z), (dx, dy, dz) = event.ray_origin, event.ray_direction
            if dz > -_FLOOR_TILT:
                self.answer("that click does not meet the floor")
                return
            along = -z / dz
            goal = (round(x + along * dx, 1), round(y + along * dy, 1))
            where.value = goal
            commands.goal(*goal, self.frame)

        @by_click.on_update
        async def _switch(_: object) -> None:
            if by_click.value:
                # Coroutines are awaited; the type alone does not say so.
                scene.on_click()(clicked)  # pyright: ignore[reportArgumentType]
            else:
                scene.remove_click_callback(clicked)
