"""What a trainer says of a policy."""

import pytest

from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.task.text import load_task
from hrl_msgs import msg
from hrl_training.announcing import policy_update

pytestmark = pytest.mark.ros


@pytest.mark.parametrize(("frozen_worker", "phase"), [(False, "JOINT"), (True, "FROZEN_LOW")])
def test_an_announcement_names_the_policy_and_whether_its_worker_stays_as_it_is(tmp_path, frozen_worker, phase):
    save_checkpoint(random_checkpoint(load_task("PointMaze"), 3), tmp_path / "policy")
    checkpoint = load_checkpoint(tmp_path / "policy")
    update = policy_update(checkpoint, tmp_path / "policy", 7, frozen_worker)
    assert update.phase == getattr(msg.PolicyUpdate, phase)
    assert (update.run, update.file, update.sha256) == (7, str(tmp_path / "policy"), checkpoint.weights_sha256)
