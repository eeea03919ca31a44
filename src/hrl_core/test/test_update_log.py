"""Numbers of updates are averaged, and stop the run where they are beyond reason."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hrl_core.algorithms.protocols import Update
from hrl_core.errors import HrlError
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.training.update_log import FAILED_BATCH, UpdateLog

BATCH = TransitionBatch(*(torch.full((2, 1), float(i)) for i in range(5)))._asdict()


def test_a_batch_whose_tensors_are_one_is_saved_like_any_other(tmp_path):
    """Relay clones with nothing for rewards and discounts alike."""
    same = BATCH | {"discounts": BATCH["rewards"], "next_inputs": BATCH["inputs"][:1]}
    with pytest.raises(HrlError, match="training stopped; the batch is in"):
        UpdateLog(tmp_path).learned(Update("worker", {"cloning_loss": np.nan}, same), "7 updates")
    saved = load_file(tmp_path / FAILED_BATCH)
    assert all(torch.equal(saved[name], tensor) for name, tensor in same.items() if tensor is not None)


def test_means_are_of_what_came_since_the_last_line(tmp_path):
    log = UpdateLog(tmp_path)
    for metrics in ({"critic_loss": 1.0, "target": 3.0}, {"critic_loss": 2.0}):
        log.learned(Update("worker", metrics, BATCH), "2 updates")
    again = UpdateLog(tmp_path)
    again.load_state_dict(log.state_dict())
    for each in (log, again):
        assert each.means() == {"worker/critic_loss": 1.5, "worker/target": 3.0}
        assert each.means() == {}


@pytest.mark.parametrize(
    ("name", "figure"), [("value", 1e6), ("target", -1e6), ("value", np.nan), ("critic_loss", np.inf)]
)
def test_critics_beyond_reason_stop_the_run_and_save_the_batch(tmp_path, name, figure):
    log = UpdateLog(tmp_path / "run")
    # The square of an error that a reward of a thousand explains.
    sound = {"critic_loss": 1e7, "value": 999_999.0}
    log.learned(Update("manager", sound, BATCH), "6 updates")
    log.learned(Update("manager", {"adjacency_loss": 0.5}, {}), "6 updates")
    told = rf"manager's {name.replace('_', ' ')} is .* after 7 updates: training stopped; the batch is.*reward_bounds"
    with pytest.raises(HrlError, match=told):
        log.learned(Update("manager", {name: figure}, BATCH), "7 updates")
    saved = load_file(tmp_path / "run" / FAILED_BATCH)
    assert torch.equal(saved["rewards"], BATCH["rewards"])
    assert log.means() == {f"manager/{each}": value for each, value in (sound | {"adjacency_loss": 0.5}).items()}


@pytest.mark.parametrize("figure", [np.inf, np.nan])
def test_so_does_any_figure_that_is_no_number_of_learners_without_a_critic(tmp_path, figure):
    log = UpdateLog(tmp_path / "run")
    log.learned(Update("worker", {"value_loss": 1e9}, BATCH), "1 update")
    with pytest.raises(HrlError, match=r"worker's policy loss is .* training stopped; .* lower the learning rates"):
        log.learned(Update("worker", {"value_loss": 1.0, "policy_loss": figure}, BATCH), "2 updates")
    assert (tmp_path / "run" / FAILED_BATCH).is_file()
