"""What every training run is made of, whatever the algorithm."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from hrl_core.checkpoints.manifest import GREEDY, SAMPLED
from hrl_core.errors import HrlError, did_you_mean
from hrl_core.learners.checks import require_least, require_shares
from hrl_core.learners.device_names import CPU
from hrl_core.randomisation import Randomisation, parse_randomisation

SAME = "same"
"""Of ``evaluation_randomise``: as training."""
_BEFORE: dict[str, Any] = {
    "device": CPU,
    "small_output": True,
    "clip_target_actions": False,
    "subgoal_range": 1.0,
    "demos_episodes": 0,
    "pursued_goals": 0.0,
    "input_centre": [],
    "intended": False,
    "randomise": "",
    "evaluation_randomise": "",
}
"""What runs did that were begun before there was such a switch; they go on, and sweeps know them again."""
AgentConfig = TypeVar("AgentConfig")
Config = TypeVar("Config")


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Generic[AgentConfig]):
    """Everything that decides a run, besides task and seed."""

    algorithm: str = "hiro"
    """Name of the algorithm; docs/algorithms.md describes them."""
    agent: AgentConfig
    """The algorithm's own switches."""
    steps: int = 10_000_000
    """Environment steps in total, warm start counted in (HIRO's paper, table 1)."""
    num_envs: int = 10
    """Environments stepped together; HIRO's paper has one, so that updates lag by up to ``num_envs`` steps."""
    threads: int = 1
    """Threads that step them."""
    stagger: bool = True
    """Whether first episodes are cut so that resets spread over time."""
    headline_goal_share: float = 0.0
    """Share of training episodes whose task goal is the first evaluation goal (HIRO's Push and Fall: all)."""
    evaluation_interval: int = 50_000
    """Environment steps between evaluations (HIRO's paper, C.4)."""
    evaluation_episodes: int = 50
    """Episodes per evaluation on the headline goal (HIRO's paper, C.4)."""
    evaluation_episodes_elsewhere: int = 10
    """Episodes on each further evaluation goal."""
    evaluation: str = GREEDY
    """How policies act outside training, which a checkpoint says of them: greedy, or sampled, where choices and
    Gaussian actions are meant to be drawn."""
    evaluation_seed: int = 1_000_003
    """Seed of evaluation episodes; final reports use another."""
    checkpoint_interval: int = 50_000
    """Environment steps between checkpoints of the whole training state."""
    randomise: str = ""
    """How training episodes differ, for instance `delay=0:0.06,loss=0.05,friction=0.7:1.3,mass=0.8:1.2,noise=0.01`:
    delay of actions [s], chance that one is lost, factors on friction and mass, deviation of sensor noise."""
    evaluation_randomise: str = ""
    """The same for evaluation episodes, which choose `best`; `same`: as in training."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        for name in ("steps", "num_envs", "threads", "evaluation_interval", "checkpoint_interval"):
            if getattr(self, name) < 1:
                raise HrlError(f"training configuration: {name} must be at least 1, got {getattr(self, name)}")
        require_least(self, 1, "evaluation_episodes")
        require_least(self, 0, "evaluation_episodes_elsewhere")
        require_shares(self, "headline_goal_share")
        if self.evaluation not in (GREEDY, SAMPLED):
            raise HrlError(f"training configuration: evaluation: {GREEDY} or {SAMPLED}, got {self.evaluation}")
        # In the same words whoever wrote them: a resumed run compares texts.
        object.__setattr__(self, "randomise", str(self.randomisation))
        if self.evaluation_randomise != SAME:
            object.__setattr__(self, "evaluation_randomise", str(self.evaluation_randomisation))

    @property
    def randomisation(self) -> Randomisation:
        """How training episodes differ."""
        return parse_randomisation(self.randomise)

    @property
    def evaluation_randomisation(self) -> Randomisation:
        """How evaluation episodes differ."""
        text = self.evaluation_randomise
        return self.randomisation if text == SAME else parse_randomisation(text)

    def as_dict(self) -> dict[str, Any]:
        """Every switch by name, the algorithm's beside the run's, as plain data with tuples as lists."""
        values = dataclasses.asdict(self)
        return json.loads(json.dumps(values | values.pop("agent")))

    def changed(self, values: Mapping[str, Any]) -> "TrainConfig[AgentConfig]":
        """Copy with the values of plain data (``as_dict``) put in; lists become tuples.

        Raises:
            HrlError: a name is no switch.
        """
        own = [field.name for field in dataclasses.fields(self) if field.name != "agent"]
        known = [*own, *(field.name for field in dataclasses.fields(self.agent))]  # pyright: ignore[reportArgumentType]
        _require_known(values, known)
        agent = changed(self.agent, {name: value for name, value in values.items() if name not in own})
        return dataclasses.replace(
            changed(self, {name: value for name, value in values.items() if name in own}), agent=agent
        )


def switches(config: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    """Every switch of a configuration with its value, nested ones with dots: ``worker.tau``."""
    found: dict[str, Any] = {}
    for field_ in dataclasses.fields(config):
        value = getattr(config, field_.name)
        if dataclasses.is_dataclass(value):
            prefix = "" if field_.name == "agent" else f"{field_.name}."
            found |= {f"{prefix}{name}": inner for name, inner in switches(value).items()}
        else:
            found[field_.name] = value
    return found


def changed(config: Config, values: Mapping[str, Any]) -> Config:
    """Copy a configuration with the values of plain data (``as_dict``) put in; lists become tuples.

    Raises:
        HrlError: a name is no switch.
    """
    given: Any = config
    _require_known(values, [f.name for f in dataclasses.fields(given)])
    new: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            if not dataclasses.is_dataclass(getattr(given, name)):
                raise HrlError(f"training switch '{name}' is one word or number here, not a table: {dict(value)}")
            new[name] = changed(getattr(given, name), value)
        else:
            new[name] = tuple(value) if isinstance(value, list) else value
    return dataclasses.replace(given, **new)


def _require_known(names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise HrlError(f"unknown switch '{name}'{did_you_mean(name, known)}; switches are: {', '.join(known)}")


def switch_before(name: str) -> Any:  # noqa: ANN401 - of any switch
    """What stands for a switch that is missing in plain data: what runs did before there was such a switch."""
    return _BEFORE.get(name.rpartition(".")[2])


def config_difference(ours: dict[str, Any], theirs: dict[str, Any], path: str = "") -> list[str]:
    """Fields in which two configurations, as plain data, differ, as ``field: ours != theirs``."""
    found: list[str] = []
    for key in dict.fromkeys([*ours, *theirs]):
        a, b = (one.get(key, switch_before(key)) for one in (ours, theirs))
        name = f"{path}{key}"
        if isinstance(a, dict) and isinstance(b, dict):
            found += config_difference(a, b, f"{name}.")
        elif a != b:
            found.append(f"{name}: {a!r} != {b!r}")
    return found
