"""Which run a node belongs to: the first whose RunInfo it accepts; everything else is foreign."""

import math
from typing import Any, Protocol

from hrl_core.documents import require_plain
from hrl_core.errors import FileError, InvalidDataError, TaskError
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.hierarchy.text import hierarchy_difference, parse_hierarchy
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import parse_task, task_difference
from hrl_msgs.msg import RunInfo


class ErrorLogger(Protocol):
    """What refusals need of a logger."""

    def error(self, message: str, /) -> Any:  # noqa: ANN401 - rclpy's answers whether it was printed
        """Print an error."""
        ...


class OfRun(Protocol):
    """What binds a message to a run; observations have it."""

    @property
    def run(self) -> int:
        """Run id."""
        ...

    @property
    def task_hash(self) -> int:
        """First 64 bits of the task's hash."""
        ...


class RunBinding:
    """Accepts one run and refuses others, naming the cause once."""

    def __init__(self, logger: ErrorLogger, task: TaskSpec | None, hierarchy: HierarchySpec | None = None) -> None:
        """Start unbound.

        Args:
            logger: where refusals go.
            task: the task the run must have; None: any.
            hierarchy: what the run, if it tells, must say of it; None: anything.
        """
        self.info: RunInfo | None = None
        self.foreign = 0
        self._hash64 = 0
        self._logger, self._task, self._hierarchy = logger, task, hierarchy

    def offer(self, info: RunInfo) -> bool:
        """Bind to a run; returns whether this was the moment of binding.

        Raises:
            TaskError: the run has another task or hierarchy; the message names the field that differs.
            InvalidDataError: it claims a pace that cannot be, or a hierarchy that cannot be read.
        """
        if self.info is not None:
            if info.run != self.info.run:
                self.refuse(info.run)
            return False
        if info.clock_mode == RunInfo.REALTIME and not 0 < info.real_time_factor < math.inf:
            raise InvalidDataError(f"run_info: real-time factor {info.real_time_factor} in real time; it is positive")
        try:
            require_plain(info.hierarchy, f"hierarchy of run {info.run:016x}")
        except FileError as error:
            raise InvalidDataError(f"run_info: {error}") from None
        if self._task is not None and info.task_hash != self._task.sha256:
            theirs = parse_task(info.task, f"RunInfo of run {info.run:016x}")
            difference = task_difference(self._task, theirs) or "the hash does not belong to the specification"
            raise TaskError(
                f"the simulator runs another task than the policy was made for: {difference} (policy != simulator); "
                "give both the same task specification"
            )
        self._require_hierarchy(info)
        self.info = info
        self._hash64 = int(info.task_hash[:16], 16)
        return True

    def _require_hierarchy(self, info: RunInfo) -> None:
        if self._hierarchy is None or not info.hierarchy or info.hierarchy_hash == self._hierarchy.sha256:
            return
        try:
            theirs = parse_hierarchy(info.hierarchy, f"hierarchy of run {info.run:016x}")
        except FileError as error:
            raise InvalidDataError(f"run_info: {error}") from None
        difference = hierarchy_difference(self._hierarchy, theirs) or "the hash does not belong to it"
        raise TaskError(
            f"the run was announced with another hierarchy than the policy has: {difference} (policy != run); give "
            "all nodes the same policy"
        )

    def accepts(self, observation: OfRun) -> bool:
        """Whether an observation belongs to the bound run.

        Raises:
            InvalidDataError: it claims to be of this run but carries another task hash.
        """
        if self.info is None:
            return False
        if observation.run != self.info.run:
            self.refuse(observation.run)
            return False
        if observation.task_hash != self._hash64:
            raise InvalidDataError(
                f"observation carries task hash {observation.task_hash:016x}, the run's is {self.info.task_hash[:16]}"
            )
        return True

    def refuse(self, run: int) -> None:
        """Count a message of a foreign run; the first one is reported."""
        self.foreign += 1
        if self.foreign == 1:
            ours = self.info.run if self.info else 0
            self._logger.error(
                f"foreign run {run:016x} on the topics of run {ours:016x}: a second simulator or bridge is running in "
                "this namespace; its messages are ignored - stop it or give it a namespace of its own"
            )
