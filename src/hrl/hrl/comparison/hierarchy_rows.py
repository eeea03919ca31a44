"""What hierarchies are compared in, and with what (S. Douglas, "Does hierarchical RL work yet?").

A row is a command line of ``hrl train``; a figure shows some rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Words = tuple[str, ...]
TASKS: Mapping[str, str] = {"push_point": "push_point_far"}
"""Task -> the same with goals further away."""
PROTOCOL: Words = ("--evaluation_interval", "10000", "--evaluation_episodes", "100")
DEMONSTRATIONS, EPISODE_STEPS = (10, 25, 100), 200
"""Episodes, and the steps of each."""


@dataclass(frozen=True)
class Row:
    """One row: how it is trained."""

    name: str
    """Of its folders."""
    title: str
    words: Words
    """Of ``hrl train``."""
    far: bool = False
    """Whether goals are far away."""
    demonstrations: int = 0
    """Episodes that it learns from before it lives any."""
    lived: int = 0
    """Environment steps after demonstrations; without them as many as there is a budget for."""

    def training(self, task: str, steps: int, seed: int, demos: str) -> Words:
        """What follows ``hrl train``, but for folders; ``demos`` holds demonstrations."""
        words = ("--task", TASKS[task] if self.far else task, *self.words)
        if self.demonstrations:
            shown = ("--demos", demos, "--demos_episodes", str(self.demonstrations))
            return (*words, *shown, "--steps", str(self.lived), "--seed", str(seed))
        return (*words, *PROTOCOL, "--steps", str(steps), "--seed", str(seed))


@dataclass(frozen=True)
class Figure:
    """A figure: curves of some rows over environment steps."""

    name: str
    """Of its file."""
    title: str
    rows: tuple[str, ...]


_HAC: Words = ("--algorithm", "hac", "--levels", "2")
_ONE: Words = ("--algorithm", "hac", "--levels", "1", "--updates_per_episode", "80")
"""As many updates as two levels make together."""
_DDPG, _SAC = ("--learner", "ddpg"), ("--learner", "sac")


def _subgoals(*elements: str) -> Words:
    count = len(elements)
    box = ("--subgoal_low", *["-2.6"] * count, "--subgoal_high", *["2.6"] * count)
    return ("--subgoal_elements", *elements, *box, "--subgoal_tolerance", *["0.2"] * count)


def _from_demonstrations(episodes: int) -> list[Row]:
    """Two levels, and one: cloned alone, and fine-tuned by cloning what was lived as well (``iril``)."""
    words = ("--algorithm", "relay", "--noise", "0.5", "--worker.decay_after", "0", "--manager.decay_after", "0")
    return [
        Row(f"{name}_{episodes}{ending}", f"{title}, {how}", (*words, *more), demonstrations=episodes, lived=lived)
        for name, title, more in (("relay", "relay", ()), ("cloning", "flat cloning", ("--flat",)))
        for ending, how, lived in (("", "cloned alone", 20), ("_on", "fine-tuned", 24_000))
    ]


_TABLE = (
    Row("hac_ddpg", "HAC, two levels of DDPG", (*_HAC, *_DDPG)),
    Row("hac_sac", "HAC, two levels of SAC", (*_HAC, *_SAC)),
    Row("one_ddpg", "one level, DDPG with hindsight", (*_ONE, *_DDPG)),
    Row("one_sac", "one level, SAC with hindsight", (*_ONE, *_SAC)),
    Row("hac_sac_far", "HAC, two levels of SAC", (*_HAC, *_SAC), far=True),
    Row("one_sac_far", "one level, SAC with hindsight", (*_ONE, *_SAC), far=True),
    Row("untested", "HAC without subgoal tests", (*_HAC, *_SAC, "--test_probability", "0")),
    Row("shadow", "one level that learns from what HAC lives", (*_HAC, *_SAC, "--shadow")),
    Row("hac_full", "subgoals of point and block", (*_HAC, *_SAC, *_subgoals("x", "y", "block_x", "block_y"))),
    Row("hac_block", "subgoals of the block", (*_HAC, *_SAC, *_subgoals("block_x", "block_y"))),
    *(row for episodes in DEMONSTRATIONS for row in _from_demonstrations(episodes)),
)
ROWS: Mapping[str, Row] = {row.name: row for row in _TABLE}
FIGURES = (
    Figure("near", "Hierarchy against one level", ("hac_ddpg", "hac_sac", "one_ddpg", "one_sac")),
    Figure("far", "Goals far away", ("hac_sac_far", "one_sac_far")),
    Figure("tests", "Subgoal tests", ("hac_sac", "untested")),
    Figure("shadow", "One level on the data of the hierarchy", ("hac_sac", "shadow", "one_sac")),
    Figure("subgoals", "What a subgoal speaks of, without demonstrations", ("hac_sac", "hac_full", "hac_block")),
)
FROM_DEMONSTRATIONS = Figure(
    "demonstrations",
    "Fine-tuning after demonstrations",
    tuple(row.name for row in _TABLE if row.demonstrations),
)
