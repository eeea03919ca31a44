"""Trainer node: follows a growing folder of bags, updates, writes checkpoints, announces them."""

import dataclasses
import secrets
import shutil
import time
from pathlib import Path

from hrl_core.bags.recorded_task import recorded_task
from hrl_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from hrl_core.errors import HrlError
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_core.threads import one_thread
from hrl_core.training.choose_products import GIVEN, require_products, with_own_products
from hrl_core.training.presets import stored_config, with_products_of
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.plain_values import text_list
from hrl_core.training.recordings.segments import at_hand
from hrl_core.training.recordings.trainer import BagTrainer
from hrl_core.training.run_files import RunFolder
from hrl_core.training.run_names import METRICS
from hrl_core.whole_folders import clean_up, writable
from hrl_msgs import msg
from hrl_ros import qos, topics
from hrl_ros.diagnostics import HealthReports
from hrl_ros.health import Health, Level
from hrl_ros.node import HrlNode
from hrl_ros.running import main_of
from hrl_training.announcing import policy_update
from hrl_training.back_pressure import BackPressure
from hrl_training.trainer_parameters import TrainerParameters

WORK_PERIOD = 0.02
SLICE = 0.2
"""Longest time [s] of training between looks at what has arrived."""
LOOK_PERIOD = 0.25
"""Seconds between looks for new bags."""


class TrainerNode(HrlNode):
    """Trains in slices between its callbacks."""

    niceness = 10

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__("trainer", TrainerParameters)

    def setup(self) -> None:
        """Begin a run, or go on with the one in the folder."""
        one_thread()
        self._settings = p = self.read_parameters(TrainerParameters)
        config = p.config()
        self._out, self._run = Path(p.out), secrets.randbits(64)
        task = load_task(p.task) if p.task else recorded_task(map(at_hand, config.sources))
        self._trainer = BagTrainer(task, self._with_products(config, task), self._out, p.seed, p.git_commit)
        files = self._trainer.files
        with writable(self._out):
            if resumed := files.begun:
                self.closing.enter_context(files.alone())
            clean_up(self._out / "policies")
            self._trainer.begin(resumed)
            if not resumed:
                self.closing.enter_context(files.alone())
        self._saved = self._kept = self._trainer.version
        """Versions of the last policy that was announced, and of the last state that was kept."""
        self.closing.callback(self._save_the_rest)
        self._between = 1 if self._trainer.learner.on_policy else p.checkpoint_updates
        self._pressure = BackPressure(self, text_list(p.simulators), p.max_owed_updates, resumed)
        self._told, self._looked = 0, 0.0
        self._health = Health(p.diagnostics)
        self._reports = HealthReports(self, self._health, self._update_figures)
        self._updates = self.create_lifecycle_publisher(msg.PolicyUpdate, topics.POLICY_UPDATE, qos.latched())
        self.every(WORK_PERIOD, self._work)

    def _with_products(self, config: BagTrainConfig, task: TaskSpec) -> BagTrainConfig:
        """A new run chooses which library makes its matrix products; one that goes on keeps what it began with."""
        files, choice = RunFolder(self._out), self._settings.products
        if files.begun:
            begun = stored_config(files.config().get("training", {}))
            training = with_products_of(config.training, begun)
            require_products(training, choice)
            return dataclasses.replace(config, training=training)
        if choice == GIVEN:
            return config
        return with_own_products(
            config, choice, lambda: BagTrainer(task, config, self._out, self._settings.seed).learner
        )

    def start(self) -> None:
        """Announce the newest policy, if one may be acted by; it is written first where a process was killed before."""
        self._stopped = False
        if not self._may_announce:
            return
        newest = max(self._policies(), default=None)
        # Robots begin with another policy than the first of who learns from itself alone.
        first = self._trainer.learner.on_policy and self._settings.first_version
        if (self._trainer.reached or first) and (newest is None or newest < self._folder()):
            # Of a state without its policy, robots would never hear: on-policy learners would have no more to learn.
            newest = self._save()
        if newest is not None:
            self._announce(newest)

    def stop(self) -> None:
        """Let the simulators go on: a trainer that is gone would hold them for ever."""
        self._stopped = True
        self._pressure.release()

    def busy(self) -> bool:
        """Whether a simulator has yet to hear that."""
        return self._pressure.busy

    def _save_the_rest(self) -> None:
        """Save what has been learned since the last checkpoint."""
        if self.failure is not None or self._trainer.version <= self._saved:
            return
        if self._may_announce:
            self._save()
        else:
            self._keep()

    @property
    def _may_announce(self) -> bool:
        """Whether robots are to act by what has been learned: before, the untrained policy explores better."""
        return self._settings.finish or self._trainer.env_steps >= self._trainer.learner.warm_start_steps

    def _work(self) -> None:
        """Take in new bags and train for a slice."""
        if self._stopped:
            return
        end = time.monotonic() + SLICE
        trainer = self._trainer
        if time.monotonic() - self._looked > LOOK_PERIOD:
            self._look()
        while trainer.left and time.monotonic() < end:
            trainer.iterate()
            if trainer.version - self._kept < self._between:
                continue
            if self._may_announce:
                self._announce(self._save())
            else:
                self._keep()  # What has been learned is not to be learned again.
        self._pressure.update(trainer.left)
        if self._settings.finish and not trainer.left:
            self._finish()

    def _look(self) -> None:
        """Take in what is new."""
        trainer = self._trainer
        trainer.consume(must_exist=self._settings.finish)
        self._looked = time.monotonic()
        for problem in trainer.intake.problems[self._told :]:
            self.get_logger().warning(problem)
        self._told = len(trainer.intake.problems)
        if text := trainer.mostly_lost:
            self._health.set_condition("left out", Level.WARN, text)
        else:
            self._health.clear_condition("left out")

    def _finish(self) -> None:
        """End; everything is learned."""
        trainer = self._trainer
        if not trainer.reached:
            raise HrlError(f"nothing to learn from in {self._settings.bags}; left out: {trainer.intake.causes()}")
        self._reports.report()
        self.get_logger().info(f"all {trainer.reached} updates that {trainer.env_steps} steps pay for are made")
        self.finished = True

    def _save(self) -> Path:
        """Write state and policy; returns the policy's own folder, which later ones do not overwrite."""
        trainer, settings, folder = self._trainer, self._settings, self._folder()
        with writable(self._out):
            row = trainer.record(trainer.intake.outcomes.row())
            self._keep()
            save_checkpoint(trainer.checkpoint({name: float(value) for name, value in row.items()}), folder)
            self._saved = trainer.version
            for old in sorted(self._policies())[: -settings.keep_policies]:
                shutil.rmtree(old)
        if settings.keep_segments:
            # Only now: a trainer that is restarted begins with the bags that the saved state names.
            with writable(settings.recorded_here):
                trainer.intake.forget(settings.keep_segments, set(map(Path, text_list(settings.recorded_here))))
        return folder

    def _keep(self) -> None:
        self._trainer.keep()
        self._kept = self._trainer.version

    def _folder(self) -> Path:
        """Of the present policy."""
        return self._out / "policies" / f"v{self._trainer.version:09d}"

    def _policies(self) -> list[Path]:
        return [path for path in (self._out / "policies").glob("v*") if path.is_dir()]

    def _announce(self, folder: Path) -> None:
        checkpoint, steps = load_checkpoint(folder), self._trainer.env_steps
        self._updates.publish(policy_update(checkpoint, folder, self._run, self._trainer.learner.frozen_worker))
        self.get_logger().info(f"policy version {checkpoint.version} from {steps} steps, see {METRICS}")

    def _update_figures(self) -> None:
        trainer = self._trainer
        figures = {"env_steps": trainer.env_steps, **trainer.report(), **trainer.intake.outcomes.row()}
        now = {"owed_updates": trainer.left, "simulator_paused": self._pressure.paused, "policy version": self._saved}
        self._health.figures |= figures | now
        self._health.doing = "training" if trainer.left else "waiting for bags"


main = main_of(TrainerNode)
