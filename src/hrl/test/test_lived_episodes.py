"""Law 0-7 for collectors: an episode lived in a process is, bit for bit, what a recorder would have made of it."""

import dataclasses

import numpy as np
import pytest

from hrl.policies.shipped import resolve_policy
from hrl_core.bags.lived import lived_episode
from hrl_core.bags.reader import read_bags
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.hierarchy.rollout import rollout
from hrl_core.messages import Mode


@pytest.mark.parametrize(
    "policy", ["relay_push_point", "hac_push_point", "option_critic_four_rooms_point", "mlsh_ant_two_walks"]
)
def test_a_lived_episode_is_the_recorded_one(policy, record, tmp_path):
    checkpoint = load_checkpoint(resolve_policy(policy, None))
    runner, stack = EnvRunner(checkpoint.task, 3, Mode.TRAIN, run=1), checkpoint.stack(3)
    recording = read_bags([record(tmp_path / "bag", policy, episodes=2, mode=Mode.TRAIN)])
    assert not recording.problems
    for number, recorded in enumerate(recording.episodes):
        trace = rollout(runner, stack, number)
        said = trace.observations, trace.actions, trace.subgoals, trace.subgoal_results
        lived = lived_episode(*said, trace.result, recorded.bag)
        # When the recorder heard of it is its own affair.
        _require_same(vars(dataclasses.replace(lived, received=recorded.received)), vars(recorded))


def _require_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, one in ours.items():
        other = theirs[name]
        if isinstance(one, dict):
            _require_same(one, other)
        elif hasattr(one, "_asdict") and name != "key" and name != "outcome":
            _require_same(one._asdict(), other._asdict())
        elif isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other, err_msg=name)
            assert one.dtype == other.dtype, name
        else:
            assert one == other, name
