"""Policies as trainers announce them."""

import json
import time
from pathlib import Path

from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.checkpoints.loading import ALL
from hrl_msgs import msg
from hrl_ros import messages


def policy_update(checkpoint: Checkpoint, folder: Path, run: int, frozen_worker: bool = False) -> msg.PolicyUpdate:
    """The announcement of a checkpoint that lies whole in ``folder``.

    Args:
        checkpoint: as read back from disk, so that its SHA-256 is that of the file.
        folder: where it lies.
        run: run id of the trainer.
        frozen_worker: whether training leaves the worker as it is.
    """
    update = msg.PolicyUpdate(
        run=run,
        algorithm=checkpoint.algorithm,
        party=ALL,
        version=checkpoint.version,
        phase=msg.PolicyUpdate.FROZEN_LOW if frozen_worker else msg.PolicyUpdate.JOINT,
        file=str(folder.resolve()),
        sha256=checkpoint.weights_sha256,
        task_hash=checkpoint.task.sha256,
        git_commit=checkpoint.git_commit,
        metrics=json.dumps(dict(checkpoint.metrics)),
    )
    update.header.stamp = messages.to_time(time.time_ns())
    return update
