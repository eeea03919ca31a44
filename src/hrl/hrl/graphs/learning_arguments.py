"""The arguments of the launch files that learn."""

from dataclasses import dataclass

from hrl.graphs.arguments import COUNT, DEFAULT_OUT, NAME, NOT_EMPTY, SEED, Arguments, LaunchArguments, Rule, argument
from hrl.policies.shipped import AUTO
from hrl_core.algorithms import ALGORITHMS

TRAINER_KNOBS = ("modes", "max_policy_lag", "max_relabel_lag", "newest_steps", "keep_policies", "keep_segments")
"""Arguments that are parameters of the trainer under the same name."""
LIVE_KNOBS = (*TRAINER_KNOBS, "max_owed_updates")
RELABEL = ("off", "at-sampling", "from-relabelled")
_SOME = Rule("1 or more", lambda value: value >= 1)
_PAIR = Rule("2 or more", lambda value: value >= 2)
_SWITCHES = "Preset (paper, fast) or .json file of training switches."
_MODES = "Purposes of the episodes learned from, of TRAIN, EVAL, DEMO, separated by commas."
_RELABEL = "Where subgoals are relabelled; at-sampling needs manager_n_step 1: not with training:=fast"
_LAG = "Leave out episodes of workers more versions behind the newest, 0: any age."
_RELABEL_LAG = "Ignore relabelled subgoals of workers more versions behind, 0: any age."
_NEWEST = "Learn from that many newest environment steps only, 0: from all that the replay store keeps."
_UPDATES = "Worker updates between announced policies."
_KEEP_POLICIES = "Announced policies kept on disk."
_KEEP_SEGMENTS = "Segments kept on disk after they were learned from, 0: all; others are never deleted."


@dataclass(frozen=True)
class TrainArguments(LaunchArguments):
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
    modes: str = argument("TRAIN", _MODES, rule=NOT_EMPTY)
    max_policy_lag: int = argument(0, _LAG, rule=COUNT)
    max_relabel_lag: int = argument(0, _RELABEL_LAG, rule=COUNT)
    newest_steps: int = argument(0, _NEWEST, rule=COUNT)
    keep_policies: int = argument(10, _KEEP_POLICIES, rule=_PAIR)
    keep_segments: int = argument(0, _KEEP_SEGMENTS, rule=COUNT)

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
class ReplayTrainArguments(Arguments):
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
    modes: str = argument("TRAIN", _MODES, rule=NOT_EMPTY)
    max_policy_lag: int = argument(0, _LAG, rule=COUNT)
    max_relabel_lag: int = argument(0, _RELABEL_LAG, rule=COUNT)
    newest_steps: int = argument(0, _NEWEST, rule=COUNT)
    keep_policies: int = argument(10, _KEEP_POLICIES, rule=_PAIR)
    keep_segments: int = argument(0, _KEEP_SEGMENTS, rule=COUNT)
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
