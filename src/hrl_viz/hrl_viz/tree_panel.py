"""A tree of skills in words, with the nodes of the path in control lit."""

from collections.abc import Collection
from html import escape
from itertools import pairwise

from hrl_core.hierarchy.path_sessions import child_name
from hrl_core.hierarchy.tree import Tree
from hrl_core.messages import Subgoal, SubgoalKind
from hrl_viz import palette
from hrl_viz.shapes import Color

_DARK = "opacity: 0.55"


class TreePanel:
    """The path of a running tree, from the subgoals that are heard."""

    def __init__(self, tree: Tree) -> None:
        """Nothing is in control yet."""
        self._tree = tree
        self._newest = self._seen = (-1, -1)
        self._chosen: dict[int, str] = {}
        self.path: list[str] = []
        """Names of the nodes in control, outermost first: of the newest path that is known from root to leaf."""

    def on_subgoal(self, subgoal: Subgoal) -> None:
        """Take a subgoal of any level: the newest path counts."""
        if subgoal.kind != SubgoalKind.SKILL:
            return
        key = subgoal.episode, subgoal.seq
        if key > self._newest:
            self._newest, self._chosen = key, {}
        if key == self._newest:
            self._chosen[subgoal.level] = child_name(self._tree, subgoal.level, subgoal.skill_id)
        path = [self._tree.root, *(self._chosen[level] for level in sorted(self._chosen, reverse=True))]
        linked = all(below in self._tree[above].children for above, below in pairwise(path))
        if linked and path[-1] in self._tree.leaves:
            self.path = path

    def on_observation(self, episode: int, step: int) -> None:
        """Take where the run is: one that has gone back, as recordings do, begins its paths anew."""
        if (episode, step) < self._seen:
            self._newest, self._chosen, self.path = (-1, -1), {}, []
        self._seen = episode, step

    def html(self) -> str:
        """The whole tree, a line for each place of a node."""
        return tree_html(self._tree, self.path)


def node_color(tree: Tree, name: str) -> Color:
    """Colour of a node in control: each leaf, which is a skill, has its own, composites share one."""
    return palette.of_skill(tree.leaves.index(name)) if name in tree.leaves else palette.SUBGOAL


def tree_html(tree: Tree, path: Collection[str]) -> str:
    """A tree as HTML; nodes are lit along ``path``, names from the root on."""
    lines: list[str] = []
    names = list(path)

    def add(name: str, depth: int, lit: bool) -> None:
        style = f"color: {palette.hexadecimal(node_color(tree, name))}; font-weight: bold" if lit else _DARK
        lines.append(f'<div style="padding-left: {1.2 * depth:.1f}em; {style}">{escape(name)}</div>')
        for child in tree[name].children:
            add(child, depth + 1, lit and names[depth + 1 : depth + 2] == [child])

    add(tree.root, 0, names[:1] == [tree.root])
    return f'<div style="font-size: 0.85em; padding: 0 0.7em">{"".join(lines)}</div>'
