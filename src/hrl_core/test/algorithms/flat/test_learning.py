"""A flat policy learns a task from nothing: one learner of each kind, held-out episodes."""

import dataclasses

import pytest

from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.task.text import load_task
from hrl_core.training.evaluate import evaluate_checkpoint
from hrl_core.training.presets import preset
from hrl_core.training.trainer import Trainer

SMALL = {"hidden": [64, 64]}
LESSONS = {
    "ppo": ("cart_pole", {"steps": 40_000, "worker": {"lr": 1e-3}}, "episode_return", 450.0),
    "sac": (
        "pendulum",
        {
            "steps": 6_000,
            "learning_starts": 500,
            "worker": SMALL | {"actor_lr": 1e-3, "critic_lr": 1e-3, "temperature_lr": 1e-3},
        },
        "episode_return",
        -250.0,
    ),
    "dqn": (
        "grid_world",
        {
            "steps": 12_000,
            "her": True,
            "worker_updates": 1.0,
            "worker": {"hidden": [128, 128], "target_interval": 50, "lr": 2e-3, "discount": 0.9, "batch_size": 128},
        },
        "success_rate",
        0.9,
    ),
    # By PPO that is curious: what is paid for is hard to find.
    "vime": ("mountain_car_sparse", {"steps": 30_000}, "success_rate", 0.9),
}


@pytest.mark.learning
@pytest.mark.timeout(900)
@pytest.mark.parametrize("learner", LESSONS)
def test_a_task_is_learned_from_nothing(tmp_path, learner):
    name, switches, measure, bar = LESSONS[learner]
    task = load_task(name)
    start = preset("vime", "flat") if learner == "vime" else preset(algorithm="flat", learner=learner)
    config = start.changed(switches)
    config = dataclasses.replace(config, evaluation_interval=config.steps // 8)
    goals = task.evaluation_goals[:1] * 20
    run = Trainer(
        task, config, VectorEnv(task, config.num_envs, 1), VectorEnv(task, 20, 2, goals=goals), tmp_path / "run", 1
    )
    (before,) = evaluate_checkpoint(run.checkpoint({}), VectorEnv(task, 50, 3, goals=task.evaluation_goals[:1] * 50))
    run.run()
    policy = load_checkpoint(tmp_path / "run" / "best")
    (after,) = evaluate_checkpoint(policy, VectorEnv(task, 50, 3, goals=task.evaluation_goals[:1] * 50))
    assert getattr(before, measure) < bar
    assert getattr(after, measure) >= bar
