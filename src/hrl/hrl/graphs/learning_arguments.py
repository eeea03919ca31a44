"""The arguments of the launch files that learn."""

import dataclasses
from dataclasses import dataclass

from hrl.graphs.argument_table import Arguments, Rule, argument
from hrl.graphs.arguments import COUNT, DEFAULT_OUT, NAME, NOT_EMPTY, SEED, LaunchArguments
from hrl.policies.shipped import AUTO
from hrl_core.algorithms import ALGORITHMS

RELABEL = ("off", "at-sampling", "from-relabelled")
_SOME = Rule("1 or more", lambda value: value >= 1)
_PAIR = Rule("2 or more", lambda value: value >= 2)
_SWITCHES = "Preset of the algorithm (fast, paper; ant_two_walks of mlsh, ...) or .json file of training switches."
_RELABEL = "Where subgoals are relabelled; at-sampling needs manager_n_step 1: not with training:=fast"
_UPDATES = "Worker updates between announced policies."
_POSITIVE = Rule("above 0", lambda value: value > 0)


@dataclass(frozen=True)
class TrainerKnobs:
    """What a trainer of recordings takes under the same name."""

    modes: str = argument(
        "TRAIN", "Purposes of the episodes learned from, of TRAIN, EVAL, DEMO, separated by commas.", rule=NOT_EMPTY
    )
    max_policy_lag: int = argument(
        0, "Leave out episodes of workers more versions behind the newest, 0: any age.", rule=COUNT
    )
    max_relabel_lag: int = argument(
        0, "Ignore relabelled subgoals of workers more versions behind, 0: any age.", rule=COUNT
    )
    newest_steps: int = argument(
        0, "Learn from that many newest environment steps only, 0: from all that the replay store keeps.", rule=COUNT
    )
    half_life: int = argument(0, "Newer steps after which one is drawn half as often, 0: age is nothing.", rule=COUNT)
    novelty: float = argument(
        0.0, "n ** -novelty is how often an episode is drawn of n that ended in one cell.", rule=COUNT
    )
    rare_goals: float = argument(0.0, "The same of n that were given goals of one cell.", rule=COUNT)
    cell: float = argument(1.0, "Edge of such a cell, in units of the goal.", rule=_POSITIVE)
    store: str = argument(
        "memory", "Where episodes live: memory, or files that a restarted trainer goes on with.", ("memory", "files")
    )
    keep_policies: int = argument(10, "Announced policies kept on disk.", rule=_PAIR)
    keep_segments: int = argument(
        0,
        "Segments of the run's own robots kept on disk after they were learned from, 0: all; others are never deleted.",
        rule=COUNT,
    )


TRAINER_KNOBS = tuple(field.name for field in dataclasses.fields(TrainerKnobs))
"""Arguments that are parameters of the trainer under the same name."""
LIVE_KNOBS = (*TRAINER_KNOBS, "max_owed_updates", "update_budget")


@dataclass(frozen=True)
class TrainArguments(LaunchArguments, TrainerKnobs):
    """Several robots, one trainer; what one robot takes means the same for each of them."""

    algorithm: str = argument("hiro", "Algorithm, unless a file of switches names it.", tuple(ALGORITHMS))
    policy: str = argument(
        "",
        "Policy that acts until the first announcement, a folder, run or shipped name; empty: an untrained one of the "
        "algorithm, which needs task:=.",
    )
    learn: bool = argument(True, "This launch file learns; without it there is policy.launch.py.")
    respawn: bool = argument(
        True, "Restart whatever dies but a simulator, up to 3 times in 60 s each: nothing closed is lost."
    )
    training: str = argument("fast", _SWITCHES, rule=NOT_EMPTY)
    relabel: str = argument("off", f"{_RELABEL}; the last one adds a relabeler.", RELABEL)
    policy_updates: int = argument(1000, _UPDATES, rule=_SOME)
    out: str = argument(
        DEFAULT_OUT,
        "Folder of the results: robot_1/bag, robot_2/bag, ..., relabelled, training; {time} becomes the start time.",
        rule=NOT_EMPTY,
    )
    namespace: str = argument("", "Namespace of trainer, relabeler and all robots (NAMESPACE/robot_1, ...).", rule=NAME)
    robots: int = argument(2, "Number of simulators, in namespaces robot_1, robot_2, ...", rule=_SOME)
    more_bags: str = argument(
        "", "Further bags or folders of bags to learn from, DIR or DIR:WEIGHT, separated by commas."
    )
    dashboard: bool = argument(
        True, "Tell how it goes: a live table on a terminal (hrl launch), else a line every 5 s."
    )
    max_owed_updates: int = argument(
        4000, "Worker updates owed at which the simulators are paused until half are made, 0: never.", rule=COUNT
    )
    update_budget: int = argument(
        0,
        "Worker updates that may be owed: steps that would pay for more pay for nothing, 0: every step pays.",
        rule=COUNT,
    )

    def check(self) -> None:
        """Refuse what contradicts itself."""
        super().check()
        if not self.learn:
            raise self.refuse("learn:=false: for a run without learning there is policy.launch.py")
        if not self.policy and self.task == AUTO:
            raise self.refuse("name what is to be learned, task:=AntMaze, or a policy to begin with, policy:=FOLDER")


@dataclass(frozen=True)
class HiroTrainArguments(TrainArguments):
    """The same for HIRO, with a trained ant to begin with."""

    policy: str = argument(
        AUTO,
        "Policy that acts until the first announcement: a folder, run, shipped name, or auto for the best shipped.",
    )


@dataclass(frozen=True)
class ReplayTrainArguments(Arguments, TrainerKnobs):
    """From recordings only."""

    bags: str = argument("", "Bags or folders of bags, DIR or DIR:WEIGHT, separated by commas.", rule=NOT_EMPTY)
    task: str = argument("auto", "Task: a shipped name, a .yaml, or auto for that of the first recorded run.")
    out: str = argument(
        DEFAULT_OUT,
        "Folder of the results (training, launch.json); a training that is there is gone on with; {time} becomes the "
        "start time.",
        rule=NOT_EMPTY,
    )
    seed: int = argument(0, "Seed of weights and sampling.", rule=SEED)
    algorithm: str = argument("hiro", "Algorithm, unless a file of switches names it.", tuple(ALGORITHMS))
    training: str = argument("fast", _SWITCHES, rule=NOT_EMPTY)
    relabel: str = argument("off", f"{_RELABEL}.", RELABEL)
    relabelled: str = argument("", "Folder of relabelled bags, with relabel:=from-relabelled.")
    policy_updates: int = argument(1000, _UPDATES, rule=_SOME)
    updates: int = argument(0, "Worker updates in all, 0: as many as the recorded steps pay for.", rule=COUNT)
    dashboard: bool = argument(
        True, "Tell how it goes: a live table on a terminal (hrl launch), else a line every 5 s."
    )
    namespace: str = argument("", "Namespace of the trainer.", rule=NAME)
    respawn: bool = argument(False, "Restart the trainer when it dies, up to 3 times in 60 s.")
    autostart: bool = argument(True, "Configure and activate the nodes; false leaves that to a lifecycle manager.")
    log_level: str = argument("info", "Least severe log messages shown.", ("debug", "info", "warn", "error"))

    def check(self) -> None:
        """Refuse what contradicts itself."""
        if (self.relabel == "from-relabelled") != bool(self.relabelled):
            raise self.refuse("relabel:=from-relabelled goes with relabelled:=DIR, other ways without")
