"""The configuration of training from recordings out of plain values, as launch arguments and node parameters have them.

The launch checks with it what the trainer node will be told, before anything has started.
"""

from collections.abc import Mapping
from typing import Any

from hrl_core.training.presets import read_config
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.material import MaterialConfig
from hrl_core.training.recordings.sampling import SamplingConfig
from hrl_core.training.recordings.segments import parse_source

_SAMPLING = ("half_life", "novelty", "rare_goals", "cell")
_SAME = ("relabel", "max_relabel_lag", "newest_steps", "update_budget", "store", "updates", "first_version")


def text_list(text: str) -> list[str]:
    """The parts between commas, without surrounding space; none of an empty text.

    Lists are texts in launch arguments and parameters: command line and both launchers hand on nothing else.
    """
    return [part.strip() for part in text.split(",") if part.strip()]


def config_of(values: Mapping[str, Any]) -> BagTrainConfig:
    """What decides the run of a trainer, out of its parameters by name; what is missing is as usual.

    Args:
        values: ``bags``, ``training`` and ``algorithm`` at least; what decides nothing is not looked at.

    Raises:
        HrlError: something cannot be read or does not go together.
    """

    def given(names: tuple[str, ...]) -> dict[str, Any]:
        return {name: values[name] for name in names if name in values}

    material = given(("max_policy_lag",))
    if "modes" in values:
        material["modes"] = tuple(text_list(values["modes"]))
    relabelled = values.get("relabelled", "")
    return BagTrainConfig(
        sources=tuple(parse_source(text) for text in text_list(values["bags"])),
        training=read_config(values["training"], values["algorithm"]),
        relabelled=(relabelled,) if relabelled else (),
        material=MaterialConfig(**material),
        sampling=SamplingConfig(**given(_SAMPLING)),
        checkpoint_updates=values.get("checkpoint_updates") or 1,
        **given(_SAME),
    )
