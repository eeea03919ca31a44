"""Relabeler node: closed bags in, relabelled bags out, always with the newest worker."""

import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from hrl_core.algorithms.hiro.relabel_bags import Relabeler
from hrl_core.bags.errors import BagError, WriteError
from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hrl_core.checkpoints.loading import PolicyReference, load_announced
from hrl_core.errors import HrlError, TaskError
from hrl_core.threads import one_thread
from hrl_core.training.recordings.plain_values import text_list
from hrl_core.training.recordings.segments import SegmentFinder, Source
from hrl_msgs import msg
from hrl_ros import qos, topics
from hrl_ros.diagnostics import HealthReports
from hrl_ros.health import Health, Level
from hrl_ros.message_texts import message_texts
from hrl_ros.node import HrlNode
from hrl_ros.parameters import NodeParameters, parameter
from hrl_ros.running import main_of

LOOK_PERIOD = 0.2
SLICE = 0.2
RETRY_PERIOD = 10.0
"""Seconds after which writing is tried again, where the disk has refused."""
"""Longest time [s] of relabelling between looks at what has arrived; one bag is the least."""


@dataclass(frozen=True)
class RelabelerParameters(NodeParameters):
    """What the relabeler takes."""

    bags: str = parameter("", "folders in which closed bags appear, separated by commas")
    out: str = parameter("", "folder of the relabelled bags")
    policy: str = parameter("", "checkpoint whose worker scores until another is announced")
    candidates: int = parameter(10, "subgoals scored per transition, recorded one and displacement included", low=2)
    seed: int = parameter(0, "seed of the drawn candidates", low=0)


class RelabelerNode(HrlNode):
    """Watches a folder; every bag is relabelled once, by the worker that is newest when its turn comes."""

    niceness = 15

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__("relabeler", RelabelerParameters)

    def setup(self) -> None:
        """Load the first worker and see what an earlier process has done."""
        one_thread()
        self._settings = p = self.read_parameters(RelabelerParameters)
        for name in ("bags", "out", "policy"):
            if not getattr(p, name):
                raise HrlError(f"parameter {name}: give a folder, for example -p {name}:=runs/today/{name}")
        self._finder, self._out = SegmentFinder(Source(Path(text)) for text in text_list(p.bags)), Path(p.out)
        self._texts = message_texts()
        self._relabeler = self._with(load_checkpoint(Path(p.policy)))
        self._known: set[str] = set()
        self._waiting: deque[Path] = deque()
        self._put_off, self._again_at = list[Path](), 0.0
        """Bags whose relabelled ones could not be written, and when that is tried again."""
        self._transitions = 0
        self._health = Health(p.diagnostics)
        self._health.doing = "waiting for bags"
        self._reports = HealthReports(self, self._health)
        self.subscribe(msg.PolicyUpdate, topics.POLICY_UPDATE, self._on_policy_update, qos.latched())
        self.every(LOOK_PERIOD, self._look)

    def _with(self, checkpoint: Checkpoint) -> Relabeler:
        return Relabeler(checkpoint, self._texts, self._settings.candidates, self._settings.seed)

    def _on_policy_update(self, update: msg.PolicyUpdate) -> None:
        ours = self._relabeler.checkpoint
        try:
            said = PolicyReference(update.version, update.party, update.file, update.sha256, update.task_hash)
            theirs = self._with(load_announced(said, ours.task, ours.hierarchy))
        except HrlError as error:
            self.get_logger().error(f"policy version {update.version} refused: {error}")
            text = f"policy version {update.version} refused: {error}"
            self._health.set_condition("policy", Level.ERROR, text)
            self._reports.report()
            return
        self._health.clear_condition("policy")
        if theirs.checkpoint.version > ours.version:
            self._relabeler = theirs

    def _look(self) -> None:
        """Relabel what has appeared."""
        end = time.monotonic() + SLICE
        for found in self._finder.look(self._known, must_exist=False):
            self._known.add(str(found.bag))
            self._waiting.append(found.bag)
        for trouble in self._finder.new_troubles():
            self.get_logger().warning(trouble)
        if self._put_off and time.monotonic() >= self._again_at:
            self._waiting.extend(self._put_off)
            self._put_off.clear()
        while self._waiting and time.monotonic() < end:
            self._relabel(self._waiting.popleft())

    def _relabel(self, bag: Path) -> None:
        if not bag.exists():
            # The trainer has learned from it, and need not keep it.
            return
        try:
            if self._relabeler.relabelled(bag, self._out):
                return
            outcome = self._relabeler.relabel(bag, self._out)
        except FileNotFoundError:
            if bag.exists():
                # It is being deleted, file by file.
                self._waiting.append(bag)
            return
        except WriteError as error:
            self._complain(error)
            self._put_off.append(bag)
            self._again_at = time.monotonic() + RETRY_PERIOD
            return
        except (BagError, TaskError) as error:
            # One that is broken, or of another task, is no reason to leave the others.
            self._complain(error)
            return
        for problem in outcome.problems:
            self.get_logger().warning(problem)
        self._transitions += outcome.transitions
        self._health.clear_condition("bag")
        self._health.doing = "relabelling"
        self._health.figures |= {"bag": bag.name, "transitions": self._transitions, "moved": outcome.moved}
        self._health.figures |= {"policy version": self._relabeler.checkpoint.version}

    def _complain(self, error: HrlError) -> None:
        self.get_logger().error(str(error))
        self._health.set_condition("bag", Level.ERROR, str(error))
        self._reports.report()


main = main_of(RelabelerNode)
