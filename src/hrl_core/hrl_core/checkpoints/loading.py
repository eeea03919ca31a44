"""From the announcement of a policy to one that is checked and warm: off the path on which actions are due."""

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hrl_core.errors import CheckpointError, HrlError
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.task.spec import TaskSpec
from hrl_core.threads import one_thread

ALL, WORKER, MANAGER = "", "worker", "manager"
"""Whom an announcement is for, as in ``PolicyUpdate.party``; managers of managers are ``manager_2`` and so on."""
P = TypeVar("P")


class PolicyReference(NamedTuple):
    """What an announcement says of a policy."""

    version: int
    party: str
    """Who takes it; ``ALL``: everybody."""
    file: str
    """Checkpoint folder, absolute path."""
    sha256: str
    """SHA-256 of its weights."""
    task_hash: str

    def same(self, other: "PolicyReference") -> bool:
        """Whether both name the same weights under the same version."""
        return (self.version, self.sha256) == (other.version, other.sha256)


@dataclass(frozen=True)
class LoadedPolicy(Generic[P]):
    """A policy of one party, checked and warmed up."""

    reference: PolicyReference
    policy: P


class Refusal(NamedTuple):
    """A policy that could not be loaded."""

    reference: PolicyReference
    reason: str


def load_announced(reference: PolicyReference, task: TaskSpec, hierarchy: HierarchySpec) -> Checkpoint:
    """Load a checkpoint and hold it against its announcement and the run; builds all levels where all are meant.

    Raises:
        CheckpointError: it is incomplete, damaged, not what was announced, of another hierarchy, or its networks do not
            fit the task.
        TaskError: it was made for another task; the message names the field that differs.
    """
    folder = Path(reference.file)
    if not folder.is_absolute():
        raise CheckpointError(f"file '{reference.file}': announce the absolute path of the checkpoint folder")
    # Whoever may announce is not thereby allowed to have files read that are none of a policy.
    checkpoint = load_checkpoint(folder, follow_links=False)
    checkpoint.require_task(task)
    checkpoint.require_hierarchy(hierarchy)
    announced = {"sha256": reference.sha256, "task_hash": reference.task_hash, "version": reference.version}
    found = {"sha256": checkpoint.weights_sha256, "task_hash": task.sha256, "version": checkpoint.version}
    for name, value in announced.items():
        if value != found[name]:
            raise CheckpointError(f"{folder} is not what was announced: {name} {found[name]}, announced {value}")
    if reference.party == ALL:
        # Refused as a whole or not at all: one party must not take what another has to refuse.
        checkpoint.stack(seed=0)
    return checkpoint


class PolicyLoader(Generic[P]):
    """Loads one policy after the other in a thread of its own; who asked fetches the outcomes when it suits."""

    def __init__(self, task: TaskSpec, hierarchy: HierarchySpec, build: Callable[[Checkpoint], P]) -> None:
        """Start the thread with the first request only.

        Args:
            task: the task every policy must be made for.
            hierarchy: that every policy must have.
            build: makes this party's policy and runs it once.
        """
        self._task, self._hierarchy, self._build = task, hierarchy, build
        self._requests: SimpleQueue[PolicyReference | None] = SimpleQueue()
        self._outcomes: SimpleQueue[LoadedPolicy[P] | Refusal] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._under_way = 0

    @property
    def busy(self) -> bool:
        """Whether an outcome is still to be fetched."""
        return self._under_way > 0

    def submit(self, reference: PolicyReference) -> None:
        """Load a policy."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="policy_loader", daemon=True)
            self._thread.start()
        self._under_way += 1
        self._requests.put(reference)

    def fetch(self) -> LoadedPolicy[P] | Refusal | None:
        """The next outcome, in the order of the requests; None while there is none."""
        try:
            outcome = self._outcomes.get_nowait()
        except Empty:
            return None
        self._under_way -= 1
        return outcome

    def close(self, limit: float = 2.0) -> None:
        """End the thread; waits at most ``limit`` seconds for a policy that is being loaded."""
        if self._thread is not None:
            self._requests.put(None)
            self._thread.join(limit)
            self._thread = None

    def _run(self) -> None:
        # The number of threads is a property of the thread in torch, and the bits of a product depend on it.
        one_thread()
        while (reference := self._requests.get()) is not None:
            self._outcomes.put(self._load(reference))

    def _load(self, reference: PolicyReference) -> "LoadedPolicy[P] | Refusal":
        try:
            return LoadedPolicy(reference, self._build(load_announced(reference, self._task, self._hierarchy)))
        except HrlError as error:
            return Refusal(reference, str(error))
        except Exception:
            # Whatever a file may hold: it must neither end the node nor vanish with the thread.
            return Refusal(reference, f"internal error:\n{traceback.format_exc()}")
