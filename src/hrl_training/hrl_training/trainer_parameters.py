"""Parameters of the trainer node, and the run that they ask for."""

from dataclasses import dataclass

from hrl_core.errors import HrlError
from hrl_core.training.choose_products import AUTO, CHOICES
from hrl_core.training.recordings.config import MEMORY, RELABEL, STORES, BagTrainConfig
from hrl_core.training.recordings.plain_values import config_of
from hrl_ros.parameters import NodeParameters, parameter


@dataclass(frozen=True)
class TrainerParameters(NodeParameters):
    """What the trainer takes."""

    bags: str = parameter(
        "",
        "folders in which closed bags appear, DIR or DIR:WEIGHT, separated by commas; weights scale how often"
        " a step is drawn",
    )
    task: str = parameter("", "task name or .yaml; empty with finish: that of the first recorded run")
    out: str = parameter("", "folder of the run; a run that is there is gone on with")
    algorithm: str = parameter("hiro", "algorithm that learns; one named in a file of switches goes before")
    training: str = parameter("fast", 'preset, or .json file of switches ({"preset": ..., "candidates": 4, ...})')
    seed: int = parameter(0, "seed of weights and sampling", low=0)
    products: str = parameter(
        AUTO,
        "library of the matrix products of td3's fast updates: auto measures which is quicker when a run begins; given:"
        " as the switches say",
        choices=CHOICES,
    )
    relabel: str = parameter("off", "where subgoals are relabelled", choices=RELABEL)
    relabelled: str = parameter("", "folder of relabelled bags, with relabel:=from-relabelled")
    max_relabel_lag: int = parameter(0, "ignore relabelled subgoals of workers more versions behind; 0: any age", low=0)
    max_policy_lag: int = parameter(0, "leave out episodes of workers more versions behind; 0: any age", low=0)
    modes: str = parameter("TRAIN", "purposes of the episodes learned from, of TRAIN, EVAL, DEMO, separated by commas")
    newest_steps: int = parameter(0, "learn from that many newest environment steps only; 0: all", low=0)
    half_life: int = parameter(0, "newer steps after which a step is drawn half as often; 0: age is nothing", low=0)
    novelty: float = parameter(
        0.0, "n ** -novelty is how often an episode is drawn of n that ended in one cell of the space of goals", low=0.0
    )
    rare_goals: float = parameter(0.0, "the same of n that were given goals of one cell", low=0.0)
    cell: float = parameter(1.0, "edge of such a cell, in units of the goal", low=0.0)
    store: str = parameter(
        MEMORY, "where episodes live: memory, or files that a restarted trainer goes on with", choices=STORES
    )
    checkpoint_updates: int = parameter(
        1000, "worker updates between announced policies; on-policy learners announce every one", low=1
    )
    keep_policies: int = parameter(10, "announced policies kept on disk", low=2)
    keep_segments: int = parameter(0, "consumed segments of recorded_here kept on disk; 0: all", low=0)
    recorded_here: str = parameter(
        "", "those folders of bags into which the loop itself records, and of which it may delete; separated by commas"
    )
    max_owed_updates: int = parameter(
        4000, "worker updates owed at which the simulators are paused until half of them are made; 0: never", low=0
    )
    update_budget: int = parameter(
        0, "worker updates that may be owed: steps that would pay for more pay for nothing; 0: every step pays", low=0
    )
    simulators: str = parameter("", "namespaces of the simulators to pause, separated by commas; empty: the own one")
    first_version: int = parameter(
        0, "policy version that counting begins at: that of the policy the robots start with", low=0
    )
    finish: bool = parameter(False, "end when all updates are made that the bags present at the start pay for")
    updates: int = parameter(0, "worker updates in all; 0: as many as the recorded steps pay for", low=0)
    git_commit: str = parameter("", "commit of the code, for checkpoints")

    def config(self) -> BagTrainConfig:
        """What of it decides the run.

        Raises:
            HrlError: something is missing, cannot be read or does not go together.
        """
        for name in ("bags", "task", "out"):
            if not getattr(self, name) and not (name == "task" and self.finish):
                raise HrlError(f"parameter {name} is needed, for example -p {name}:=...")
        return config_of(vars(self))
