"""The two clocks of the simulator: when is an action applied?"""

from hrl_core.control.safety import ActionGate, SafetyLayer, check_received, joint_limits
from hrl_core.messages import Action, ActionSource
from hrl_ros.loop.course import Course


class LockstepClock:
    """Steps only when the action of the current (episode, step) is in hand; repeated and old ones are dropped."""

    def __init__(self, course: Course) -> None:
        """Start with no action in hand, as fast as possible."""
        self._course = course
        self._action: Action | None = None
        self._paced, self._due = False, False

    @property
    def answered(self) -> bool:
        """Whether the action of the current step is in hand."""
        return self._action is not None

    def pace(self, paced: bool) -> None:
        """Take at most one step per tick, or go as fast as possible, from the next look on."""
        self._paced, self._due = paced, False

    def on_action(self, action: Action) -> None:
        """Take an action.

        Raises:
            InvalidDataError: it has the wrong size, holds a non-finite number, or is nobody's.
        """
        observation = self._course.observation
        if observation is None or (action.episode, action.step) != observation.key or self._action is not None:
            return
        if observation.last:
            return
        check_received(self._course.runner.spec, action)
        self._course.log.answered()
        self._action = action
        self.poll()

    def poll(self) -> None:
        """Apply the action in hand if stepping is allowed and it is still the current one."""
        action, observation = self._action, self._course.observation
        if action is None or observation is None:
            return
        if (action.episode, action.step) != observation.key:
            self._action = None
        elif self._course.may_step and (self._due or not self._paced or self._course.paused):
            self._action, self._due = None, False
            self._course.step(action.value, ActionSource(action.source))

    def tick(self) -> None:
        """Let the next step happen as soon as its action is in hand."""
        self._due = True
        self.poll()


class RealtimeClock:
    """Steps at the wall period with the last accepted action: held when late, the safe action when too old."""

    def __init__(self, course: Course, max_action_age: float) -> None:
        """Start with no action in hand; time begins with the first one.

        Args:
            course: what to step.
            max_action_age: oldest action applied [control periods].
        """
        self._course = course
        self._max_age = max_action_age
        self._gate = ActionGate(course.runner.spec, max_action_age)
        # Time stands still between ticks: ages are counted in steps, and silence is no matter of seconds.
        self.safety = SafetyLayer(joint_limits(course.runner.spec), timeout=float("inf"))

    def on_action(self, action: Action) -> None:
        """Accept an action that is not older than the last one and fresh enough.

        Raises:
            InvalidDataError: it is unsound.
        """
        observation, log, last = self._course.observation, self._course.log, self._gate.last
        if observation is None:
            return
        reason = self._gate.refusal(action, observation)
        if reason:
            log.refuse(reason)
        elif last is None or (last.episode, last.step) != (action.episode, action.step):
            log.answered()

    @property
    def answered(self) -> bool:
        """Whether actions are coming at all; a late one is the tick's affair."""
        return False

    def poll(self) -> None:
        """Nothing to do between ticks."""

    def tick(self) -> None:
        """Take the step of one control period."""
        course, action = self._course, self._gate.last
        observation = course.observation
        if action is None or observation is None or not course.may_step:
            return
        same_episode = action.episode == observation.episode
        age = observation.step - action.step if same_episode else observation.step + 1
        in_time = same_episode and age == 0
        course.log.missed_deadlines += not in_time
        if self.safety.emergency or not (in_time or (same_episode and age < self._max_age)):
            course.step(self.safety.safe(), ActionSource.SAFE)
        else:
            source = ActionSource(action.source) if in_time else ActionSource.HOLD
            course.step(self.safety.accept(action.value), source)
