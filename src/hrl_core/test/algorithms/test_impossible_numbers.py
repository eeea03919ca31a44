"""Numbers that cannot be are refused where a configuration is made, of every algorithm and every learner."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import pytest

from hrl_core.algorithms import ALGORITHMS, presets
from hrl_core.errors import HrlError
from hrl_core.training.config import TrainConfig

MAY_BE_NEGATIVE = {"manager_reward_offset", "log_std", "input_scale", "input_centre", "way_scale", "goal_scale"}
"""Logarithms, what is added, and factors on what a network sees."""
MAY_BE_ANY = {"reward_bounds"}
"""Two numbers that are not alike."""


def numbers(config: Any) -> Iterator[tuple[Any, str, int]]:
    """Every switch that is a number or several, with the configuration that it is of, nested ones too."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from numbers(value)
            continue
        several = value if isinstance(value, tuple) else (value,)
        if several and all(isinstance(x, int | float) and not isinstance(x, bool) for x in several):
            yield config, field.name, len(several) if isinstance(value, tuple) else 0


SWITCHES = {
    f"{type(config).__name__}.{name}": (config, name, size)
    for algorithm in ALGORITHMS
    for preset in presets(algorithm).values()
    for config, name, size in numbers(preset.agent)
    if name not in MAY_BE_ANY
}


def accepts(switch: str, number: float) -> bool:
    """Any other exception than a refusal in words is a failure."""
    config, name, size = SWITCHES[switch]
    try:
        dataclasses.replace(config, **{name: (number,) * size if size else number})
    except HrlError:
        return False
    return True


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_is_below_zero_or_no_number_is_refused(switch: str) -> None:
    assert accepts(switch, -1) == (switch.rpartition(".")[2] in MAY_BE_NEGATIVE)
    accepts(switch, 0)
    assert not accepts(switch, math.nan)
    if isinstance(getattr(SWITCHES[switch][0], SWITCHES[switch][1]), float):
        assert not accepts(switch, math.inf)


@pytest.mark.parametrize(
    "switch",
    [
        "TD3Config.hidden",
        "TD3Config.actor_lr",
        "TD3Config.batch_size",
        "HiroConfig.progress_unit",
        "HiroConfig.adjacency_interval",
        "BoundedDDPGConfig.hidden",
    ],
)
def test_what_is_divided_by_or_counted_is_not_zero(switch: str) -> None:
    assert not accepts(switch, 0)


@pytest.mark.parametrize(
    "switches",
    [
        {"evaluation_episodes": 0},
        {"evaluation_episodes": -3},
        {"evaluation_episodes_elsewhere": -1},
        {"headline_goal_share": 5.0},
        {"headline_goal_share": math.nan},
    ],
)
def test_a_run_refuses_them_too(switches: dict[str, Any]) -> None:
    with pytest.raises(HrlError, match=next(iter(switches))):
        TrainConfig(agent=presets("hiro")["paper"].agent, **switches)


def test_a_level_keeps_at_least_a_batch() -> None:
    """With fewer rows than that nothing would ever be learned, without a word."""
    with pytest.raises(HrlError, match="replay: at least a batch"):
        dataclasses.replace(presets("hac")["fast"].agent, replay=100)


def test_a_refusal_names_switch_and_number() -> None:
    config = presets("hiro")["paper"].agent
    for change, words in (
        ({"worker_updates": -1.0}, "worker_updates must be at least 0, got -1.0"),
        ({"progress_unit": 0.0}, "progress_unit must be above 0, got 0.0"),
        ({"waypoint_rarity": 1.5}, r"waypoint_rarity must lie in \[0, 1\], got 1.5"),
        ({"manager_reward_offset": math.inf}, "manager_reward_offset: a finite number, got inf"),
    ):
        with pytest.raises(HrlError, match=words):
            dataclasses.replace(config, **change)
