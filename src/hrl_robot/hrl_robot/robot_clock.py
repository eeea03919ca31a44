"""The clock of a robot: time passes by itself; actions go out when they come, observations at every period."""

from collections.abc import Callable

from hrl_core.control.safety import ActionGate, SafetyLayer
from hrl_core.messages import Action, ActionSource, EpisodeEnd, Observation, Vector
from hrl_robot.robot_runner import RobotRunner
from hrl_ros.loop.course import Course


class RobotClock:
    """Sends accepted actions at once, watches for silence on both sides, counts what was late."""

    def __init__(
        self,
        course: Course,
        runner: RobotRunner,
        gate: ActionGate,
        safety: SafetyLayer,
        send: Callable[[Vector], None],
        make_safe: Callable[[], bool],
    ) -> None:
        """Start safe.

        Args:
            course: of the run.
            runner: its runner.
            gate: which actions are accepted.
            safety: what is sent for them.
            send: tells the controller an action.
            make_safe: sends the safe action; returns whether it could: nobody can stay at a place that is not known.
        """
        self._course, self._runner = course, runner
        self._gate, self._safety = gate, safety
        self._send, self._make_safe = send, make_safe
        self._answered: tuple[int, int] | None = None
        self._was_safe = True
        self._known = False
        """Whether a safe action has been sent, from which the commands go on no faster than allowed."""
        self._interrupted = False
        """Whether the bridge has been inactive since the first observation of an episode."""
        self.silent: Callable[[], bool] = lambda: False
        """Whether the robot has been silent for too long."""
        self.prepare_anew: Callable[[str], None] = lambda _reason: None
        """Gives up an episode that nobody has acted in, and prepares another with the same seed and goal."""
        self._paused_at_start = False
        """Whether the run has been paused since the first observation of an episode."""
        self.trips = 0
        """Times the watchdog has tripped while an episode was running."""
        self.dropped = 0
        """Control periods without an observation because the robot's state was too old or not new."""

    @property
    def answered(self) -> bool:
        """Whether actions are coming at all; a late one is the tick's affair."""
        return False

    @property
    def started(self) -> bool:
        """Whether the episode's time is running.

        It begins with the first action: discovery and loading take none of the steps.
        """
        observation, answered = self._course.observation, self._answered
        return observation is not None and answered is not None and answered[0] == observation.episode

    @property
    def _untouched(self) -> bool:
        """Whether an episode's first observation is out and nothing has been done about it."""
        observation = self._course.observation
        running = observation is not None and not observation.last and not self._course.waiting
        return running and not self.started

    def on_action(self, action: Action) -> None:
        """Send an action that passes the gate; count the others.

        Raises:
            InvalidDataError: it is unsound.
        """
        observation, log = self._course.observation, self._course.log
        if observation is None or observation.last or not self._course.may_step:
            log.refuse("between episodes or paused")
            return
        reason = self._refusal(action, observation)
        if reason:
            log.refuse(reason)
            return
        key = (action.episode, action.step)
        if key != self._answered:
            log.answered()
        self._answered, self._was_safe = key, False
        self._send(self._safety.accept(action.value))

    def _refusal(self, action: Action, observation: Observation) -> str:
        """Why an action is not sent; empty when it is."""
        if self._safety.emergency:
            return "emergency stop"
        if self._interrupted and self._untouched:
            return "the bridge was inactive"
        if not self._known:
            return "before the first safe action"
        return self._gate.refusal(action, observation)

    def interrupt(self) -> None:
        """The bridge goes inactive: the robot rests, and a first observation will tell of long ago afterwards."""
        self._interrupted = self._untouched
        if self._course.begun:
            self.rest()

    def poll(self) -> None:
        """A pause or a stop takes effect at once; after a pause the first observation may tell of long ago."""
        paused_at_start = self._paused_at_start and self._untouched
        self._paused_at_start = self._course.paused and self._untouched
        if paused_at_start and not self._course.paused:
            self.prepare_anew("it was paused")
        if self._course.paused or self._course.waiting:
            self.rest()

    def rest(self) -> None:
        """Send the safe action and expect nothing."""
        self._safety.rest()
        self._send_safe()

    def guard(self) -> None:
        """The watchdog: send the safe action once it is due; called every few milliseconds of steady time."""
        if self._safety.tripped and not self._was_safe:
            self.trips += 1
            self._send_safe()

    def tick(self) -> None:
        """A control period has passed: tell what it led to, or end the episode of a silent robot."""
        course, observation = self._course, self._course.observation
        self.guard()
        if self._safety.tripped and course.begun:
            # Not before: the robot may be another stack's, to which this one is about to give way.
            self._send_safe()
        if observation is None or observation.last or course.waiting:
            return
        if not self.started:
            self._look_again()
        elif self.silent():
            self._cut()
        elif course.may_step:
            self._step()

    def _look_again(self) -> None:
        """Nobody has acted yet: a robot that is stopped or switched off meanwhile may stand anywhere afterwards."""
        interrupted, self._interrupted = self._interrupted, False
        if interrupted:
            self.prepare_anew("the bridge was inactive")
        elif self.silent():
            self.prepare_anew("it was silent")
        elif self._safety.emergency:
            self.prepare_anew("it was stopped")

    def _step(self) -> None:
        course, observation = self._course, self._course.observation
        assert observation is not None
        if not self._runner.fresh():
            self.dropped += 1
            self._runner.unseen(self._safety.command)
            return
        in_time = not self._safety.tripped and self._answered == observation.key
        if in_time and self._gate.last is not None:
            source = ActionSource(self._gate.last.source)
        else:
            source = ActionSource.SAFE if self._safety.tripped else ActionSource.HOLD
        course.log.missed_deadlines += not in_time
        course.step(self._safety.command, source)
        if course.waiting or course.finished:
            self.rest()

    def _send_safe(self) -> None:
        self._was_safe = True
        self._known |= self._make_safe()

    def _cut(self) -> None:
        self.rest()
        self._course.cut(self._runner.cut(self._safety.command), EpisodeEnd.ROBOT_SILENT)
