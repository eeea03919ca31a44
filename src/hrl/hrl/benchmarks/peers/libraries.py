"""TD3 of stable-baselines3 and of sbx, each with its own replay buffer; need these libraries."""

import importlib
from typing import Any

import gymnasium
import numpy as np

from hrl.benchmarks.peers.work import ACTIONS, INPUTS, LR, ROWS, TOGETHER, Size, Updates, random_transitions


def library_updates(package: str, size: Size) -> Updates:
    """Updates by ``train`` of the TD3 of ``stable_baselines3`` or ``sbx``.

    Raises:
        ImportError: it is not installed.
    """
    library: Any = importlib.import_module(package)
    logger: Any = importlib.import_module("stable_baselines3.common.logger")
    model = library.TD3(
        "MlpPolicy",
        _Idle(),
        learning_rate=LR,
        buffer_size=ROWS,
        batch_size=size.batch,
        policy_kwargs={"net_arch": list(size.hidden)},
        device="cpu",
        seed=0,
    )
    model.set_logger(logger.Logger(folder=None, output_formats=[]))
    replay = random_transitions()
    for row in zip(*replay, strict=True):
        inputs, action, reward, next_inputs, _ = row
        model.replay_buffer.add(inputs, next_inputs, action, np.array([reward]), np.array([False]), [{}])
    return lambda: model.train(gradient_steps=TOGETHER, batch_size=size.batch)


class _Idle(gymnasium.Env):
    """Says how large observations and actions are, and is never stepped."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (INPUTS,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (ACTIONS,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed, options=options)
        return np.zeros(INPUTS, np.float32), {}
