"""What collectors collect: by rounds as by hand, episodes of the task that is learned."""

import dataclasses

import numpy as np
import pytest

from hrl.commands.collecting import Here, make_collect
from hrl_core.algorithms.mlsh.config import MlshConfig, hierarchy
from hrl_core.algorithms.mlsh.learner import MlshLearner
from hrl_core.algorithms.protocols import untrained_checkpoint
from hrl_core.checkpoints.checkpoint import save_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig
from hrl_core.training.rounds.arithmetic import arithmetic
from hrl_core.training.rounds.config import RoundConfig
from hrl_core.training.rounds.episode_file import load_episodes
from hrl_core.training.rounds.trainer import RoundTrainer

BANDITS = dataclasses.replace(load_task("movement_bandits"), max_episode_steps=20)
LEVEL = OnPolicyConfig(hidden=(8,), epochs=1, batch_size=16)
MLSH = MlshConfig(groups=1, horizon=5, rollout_steps=20, worker=LEVEL, manager=LEVEL)
SEED = 5


@pytest.mark.parametrize("goal", [BANDITS.evaluation_goals[-1], ()], ids=["given", "the task's first"])
def test_a_master_over_frozen_skills_is_given_episodes_of_its_own_task_alone(tmp_path, goal):
    levels = MlshLearner(BANDITS, MLSH, VectorEnv(BANDITS, 1, 0), 77).levels()
    save_checkpoint(untrained_checkpoint("mlsh", BANDITS, hierarchy(BANDITS, MLSH), levels, 77), tmp_path / "skills")
    agent = dataclasses.replace(MLSH, frozen_skills=str(tmp_path / "skills"), task_goal=goal)
    config = RoundConfig(TrainConfig(algorithm="mlsh", agent=agent, num_envs=3, steps=240), round_blocks=2)
    collect = make_collect(BANDITS, config, SEED, arithmetic())
    run = RoundTrainer(BANDITS, config, Here(collect), tmp_path / "run", SEED)
    run.run()
    assert run.learner.updates == 2
    assert run.report()["steps_left_out"] == 0
    episodes = [one for path in (tmp_path / "run" / "blocks").iterdir() for one in load_episodes(path)]
    assert len(episodes) == 12
    for episode in episodes:
        np.testing.assert_allclose(episode.desired_goals, [goal or BANDITS.evaluation_goals[0]] * 21)
