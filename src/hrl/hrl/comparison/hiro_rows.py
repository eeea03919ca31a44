"""The rows of HIRO's table (arXiv 1805.08296, table 1) and its ablations (figure 4): what each is here, on each task.

A row is a command line of ``hrl train``. What the project has no switch for is a row all the same, which says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Words = tuple[str, ...]
_POINT, _MAZE, _PUSH, _FALL, _GATHER = TASKS = ("point_maze", "ant_maze", "ant_push", "ant_fall", "ant_gather")
"""The short one first; the paper has the other four."""
PROTOCOL: Words = ("--evaluation_interval", "50000", "--evaluation_episodes", "50")
"""Paper, C.4."""
_FIXED_GOAL: Words = ("--headline_goal_share", "1")
"""HIRO's Push and Fall train on the goal that they are evaluated at."""
TASK_WORDS: Mapping[str, Words] = {_PUSH: _FIXED_GOAL, _FALL: _FIXED_GOAL}


@dataclass(frozen=True)
class Row:
    """One row: how it is trained, and what the paper reports."""

    name: str
    """Of its folders, and on the command line."""
    title: str
    words: Words = ()
    """Of ``hrl train``, on every task."""
    also: Mapping[str, Words] = field(default_factory=dict)
    """Further words on a task; ``--task`` where the recipe trains in a variant of it."""
    skills: Mapping[str, str] = field(default_factory=dict)
    """Of each task, where the skills below its manager are learned, in a run of their own."""
    paper: Mapping[str, str] = field(default_factory=dict)
    """Mean ± standard error of ten seeds on each task; best policy within 10 M steps."""
    lacking: Mapping[str, str] = field(default_factory=dict)
    """Why it cannot run on a task; under an empty name: on none."""

    def why_not(self, task: str) -> str:
        """Why it cannot run on a task; empty: it can."""
        return self.lacking.get(task) or self.lacking.get("", "")

    def training(self, task: str, steps: int, seed: int) -> Words:
        """What follows ``hrl train``, but for folders."""
        return (
            *("--task", task, *PROTOCOL, *TASK_WORDS.get(task, ())),
            *(*self.words, *self.also.get(task, ()), "--steps", str(steps), "--seed", str(seed)),
        )


def _figures(gather: str, maze: str, push: str, fall: str) -> Mapping[str, str]:
    return {_GATHER: gather, _MAZE: maze, _PUSH: push, _FALL: fall}


_CURVE = _figures(*["a curve"] * 4)
_PAPER: Words = ("--algorithm", "hiro", "--preset", "paper")
_SCALED: Words = ("--worker.reward_scale", "0.01")
_PRETRAINED: Words = (
    *("--warm_start_steps", "200000", "--worker_learning_ends", "200000", "--manager_learning_starts", "200000"),
)
"""2 M steps of 10 M in the paper."""
_WAY_ROUND: Words = (
    *("--headline_goal_share", "0.6", "--waypoint_probability", "0.5", "--manager_n_step_own", "20"),
    *("--manager_sees_time", "--relabel_goals_uniform", "0.3", "--relabel_goals_future", "0.2"),
)
_RARE: Words = ("--waypoint_rarity", "0.75", "--waypoints", "1", "2", "--waypoint_decisions", "20", "45")
_ANT_FIELD: Words = ("--preset", "ant_field", "--evaluation", "greedy", "--manager.reward_scale", "0.01")
_TABLE = (
    Row("hiro", "HIRO (paper)", _PAPER, paper=_figures("3.02 ± 1.49", "0.99 ± 0.01", "0.92 ± 0.04", "0.66 ± 0.07")),
    Row(
        "hiro_fast",
        "HIRO (fast)",
        ("--algorithm", "hiro", "--preset", "fast"),
        also={
            _POINT: ("--no_four_fold_symmetry", "--tilt_penalty", "0"),
            _PUSH: ("--task", "ant_push_wide", *_WAY_ROUND),
            _FALL: ("--task", "ant_fall_wide", *_WAY_ROUND, *_RARE),
            _GATHER: (
                *("--manager_reward_scale", "1", "--manager_reward_offset", "0"),
                *("--relabel_goals_uniform", "0", "--relabel_goals_future", "0"),
            ),
        },
    ),
    Row(
        "fun_representation",
        "FuN representation",
        (*_PAPER, "--embedding", "8"),
        paper=_figures("0.03 ± 0.01", "0.0", "0.0", "0.0"),
    ),
    Row(
        "fun_transition_pg",
        "FuN transition PG",
        (*_PAPER, "--correction", "gaussian"),
        paper=_figures("0.41 ± 0.06", "0.0", "0.56 ± 0.39", "0.01 ± 0.02"),
    ),
    Row(
        "fun_cosine",
        "FuN cos similarity",
        (*_PAPER, "--worker_reward", "cosine"),
        paper=_figures("0.85 ± 1.17", "0.16 ± 0.33", "0.06 ± 0.17", "0.07 ± 0.22"),
    ),
    Row(
        "fun",
        "FuN (all three)",
        (*_PAPER, "--embedding", "8", "--correction", "gaussian", "--worker_reward", "cosine"),
        paper=_figures("0.01 ± 0.01", "0.0", "0.0", "0.0"),
    ),
    Row(
        "snn4hrl",
        "SNN4HRL",
        ("--algorithm", "snn4hrl"),
        also={
            _POINT: ("--preset", "point_maze_sparse", "--manager.reward_scale", "0.01"),
            **{task: _ANT_FIELD for task in (_MAZE, _PUSH, _FALL)},
        },
        skills={_POINT: "point_field", **{task: "ant_field" for task in (_MAZE, _PUSH, _FALL)}},
        paper=_figures("1.92 ± 0.52", "0.0", "0.02 ± 0.01", "0.0"),
        lacking={_GATHER: "the skills of ant_field do not see what is to be gathered: another observation"},
    ),
    Row(
        "vime",
        "VIME",
        ("--algorithm", "flat", "--preset", "vime", "--rollout_steps", "10000", "--worker.hidden", "64", "32"),
        also={task: _SCALED for task in TASKS if task != _GATHER},
        paper=_figures("1.42 ± 0.90", "0.0", "0.02 ± 0.02", "0.0"),
    ),
    Row("flat_td3", "flat TD3 (no hierarchy)", ("--algorithm", "flat", "--preset", "paper"), paper=_CURVE),
    Row("no_correction", "HIRO without correction", (*_PAPER, "--candidates", "0"), paper=_CURVE),
    Row(
        "worker_relabelling",
        "HIRO, worker relabelled",
        (*_PAPER, "--relabel_subgoals_random", "1"),
        paper=_CURVE,
    ),
    Row(
        "frozen_worker",
        "HIRO, worker pre-trained and frozen",
        (*_PAPER, *_PRETRAINED),
        paper=_CURVE,
    ),
    Row(
        "option_critic",
        "Option-Critic, continuous",
        ("--algorithm", "option_critic"),
        also={task: ("--reward_scale", "0.01") for task in TASKS if task != _GATHER},
        paper=_figures(*["no useful result"] * 4),
    ),
)
ROWS: Mapping[str, Row] = {row.name: row for row in _TABLE}
"""By name, in the order of the paper's table."""


def skills_training(field_task: str, steps: int, seed: int) -> Words:
    """What follows ``hrl train`` to learn the skills below SNN4HRL's managers, but for the folder."""
    words = ("--algorithm", "snn4hrl", "--task", field_task, "--preset", field_task)
    return (*words, "--steps", str(steps), "--seed", str(seed))
