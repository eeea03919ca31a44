"""The arguments of ``demo.launch.py``."""

from dataclasses import dataclass

from hrl.graphs.argument_table import Rule, argument
from hrl.graphs.arguments import LaunchArguments


@dataclass(frozen=True)
class DemonstrationArguments(LaunchArguments):
    """The same for demonstrations: who acts is no policy, and what is recorded is there to be learned from."""

    policy: str = argument(
        "", "No policy acts in a demonstration: leave it out.", rule=Rule("left out", lambda p: p == "")
    )
    demonstrator: str = argument(
        "script",
        "Who demonstrates: the task's scripted expert, a person with a joystick (topic joy, mode:=realtime), or a "
        "recording.",
        ("script", "teleop", "replay"),
    )
    controls: str = argument(
        "",
        "With demonstrator:=teleop: for each element of the action an axis (0, -0 reversed), a button (b4) or . for "
        "nothing, such as '1 0 -4 b5'; empty: the axes in order.",
    )
    recording: str = argument(
        "", "With demonstrator:=replay: bag of a run whose actions are done again, from its seed."
    )
    noise: float = argument(
        0.3,
        "With demonstrator:=script: noise that is added to what the expert intends, standard deviation in half-ranges "
        "of the actions.",
        rule=Rule("between 0 and 10", lambda value: 0 <= value <= 10),
    )
    correlation: float = argument(
        0.0,
        "With demonstrator:=script: correlation of that noise from step to step; near 1 it leads far off, and back.",
        rule=Rule("from 0 to 0.999", lambda value: 0 <= value <= 0.999),
    )

    def check(self) -> None:
        """Refuse a demonstration of nothing in particular, and one that is learned from while it goes on."""
        super().check()
        if self.task == "auto":
            raise self.refuse("name the task to demonstrate, such as task:=push_point")
        if self.learn or self.explore:
            raise self.refuse("a demonstration neither explores nor learns: leave explore and learn out")
        if self.demonstrator == "teleop" and self.mode != "realtime" and self.robot != "real":
            raise self.refuse(
                "demonstrator:=teleop: a person is as fast as the clock: mode:=realtime, perhaps rtf:=0.5"
            )
        if self.robot == "real" and not self.goal:
            raise self.refuse("robot:=real: no robot draws the goals of a task: give one with goal:=")
        if self.robot == "real" and self.demonstrator == "replay":
            raise self.refuse("robot:=real: demonstrator:=replay leads only a simulation to the same states again")
        if (self.demonstrator == "replay") != bool(self.recording):
            raise self.refuse("demonstrator:=replay and recording:=BAG go together")
