"""The barrier: whatever the order, repetition or restart, the trajectory is the in-process one."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hrl_core.checkpoints.checkpoint import random_checkpoint
from hrl_core.errors import InvalidDataError
from hrl_core.hierarchy.embedded_policies import Embedded
from hrl_core.hierarchy.manager_session import ManagerSession
from hrl_core.hierarchy.path_sessions import manager_session, worker_session
from hrl_core.hierarchy.recurrent_policies import RecurrentManager, RecurrentWorker
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec, LevelSpec, hierarchy_of, hierarchy_of_tree
from hrl_core.hierarchy.stack import Hierarchy
from hrl_core.hierarchy.tree import NodeSpec, Tree
from hrl_core.hierarchy.worker_session import WorkerSession
from hrl_core.messages import (
    EPISODE_ENDS,
    Action,
    ActionSource,
    Mode,
    Observation,
    SegmentEnd,
    Subgoal,
    SubgoalKind,
    SubgoalRequest,
    SubgoalResult,
)
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.networks.memory_config import MemoryConfig
from hrl_core.task.spec import Actuator


@pytest.fixture(scope="session")
def world(tiny_task, stubs, make_observation):
    """Everything one run needs, made anew."""

    def make(
        cadence="on_result", mode=Mode.EVAL, goals=None, levels=1, steps=8, chain=(), seed=3, tree=None, remembers=False
    ):
        manager, worker, runner = stubs
        task = tiny_task(steps)
        if remembers:
            task, spec = replace(task, action=(Actuator("move", "index", 0, 2, ("a", "b", "c")),)), HierarchySpec(chain)
            return (
                chooser(runner)(task, make_observation, mode, goals),
                lambda level=0: ManagerSession(task, spec, recurrent_manager(task, spec), seed, level),
                lambda: WorkerSession(task, spec, recurrent_worker(task, spec), seed),
            )
        if tree is not None:
            policy = random_checkpoint(task, 5, hierarchy=hierarchy_of_tree(tree))
            own = task, policy.hierarchy
            return (
                runner(task, make_observation, mode, goals),
                lambda level=0: manager_session(*own, policy.manager(level), seed, level),
                lambda: worker_session(*own, policy.worker(), seed),
            )
        lowest = replace(hierarchy_of(task, horizon=3).levels[0], cadence=cadence)
        spec = HierarchySpec(chain or (lowest, *ABOVE)[:levels])

        if spec.embedded:
            manager, worker = embedded(manager), embedded(worker)

        def manage(level=0):
            own = spec.levels[level]
            policy = manager(size=own.dim or 1, kind=own.kind, skills=len(own.skills))
            return ManagerSession(task, spec, policy, seed, level)

        return runner(task, make_observation, mode, goals), manage, lambda: WorkerSession(task, spec, worker(), seed)

    return make


def embedded(policy: Any) -> Any:
    """A stub that sees states in a space of three numbers."""

    class Embedding(Embedded, policy):
        @staticmethod
        def embedding(state):
            return np.tanh(np.outer([1.0, -2.0, 0.5], state).sum(1) + state[:3]).astype(np.float32)

    return Embedding


def chooser(runner):
    """The point, moved by choices."""

    class Chooser(runner):
        def step(self, action):
            observation = super().step(np.array([0.4, -0.3]) * (action - 1))
            return observation._replace(applied_action=action)

    return Chooser


def weights_of(config):
    rng = np.random.default_rng(1)
    return {name: rng.normal(0, 0.7, shape).astype(np.float32) for name, shape in config.parameter_shapes().items()}


def recurrent_manager(task, spec):
    size = spec.levels[0].size
    config = ActorConfig(
        6, (5,), (-1.0,) * size, (1.0,) * size, head="direction", random_probability=0.3, memory=MemoryConfig(size, 3)
    )
    return RecurrentManager(task, GoalSpace(task, spec.levels[0]), 2, config, weights_of(config), 7)


def recurrent_worker(task, spec):
    size = spec.levels[0].size if spec.levels else 0
    memory = MemoryConfig(5, directions=size, pooled=3, embedding=2) if size else MemoryConfig(5)
    pursued = size or 2
    config = ActorConfig(4 + pursued, (6,), (0.0,) * 3, (1.0,) * 3, head="categorical", memory=memory)
    return RecurrentWorker(task, pursued, config, weights_of(config), 7, sampled=True)


ABOVE = (
    LevelSpec(
        "xy",
        "absolute",
        {"x": (-1.0, 1.0), "y": (-1.0, 1.0)},
        horizon=2,
        unit="attempts",
        tolerance=(0.3, 0.3),
        end_when_achieved=True,
    ),
    LevelSpec("x", "relative", {"x": (-1.0, 1.0)}, horizon=2, unit="attempts"),
)
"""Levels above the first one: ends by attempts, by what is achieved, and at the same step as those below."""


XY = {"x": (-1.0, 1.0), "y": (-1.0, 1.0)}
NAMES = ("left", "ahead", "right")
SKILLS = LevelSpec("gait", "skill", skills=NAMES, horizon=3)
OPTIONS = LevelSpec("options", "skill", skills=NAMES, horizon=0, worker_may_terminate=True)
MOVES = LevelSpec("xyz", elements={**XY, "z": (-1.0, 1.0)}, horizon=3)
LATENT = LevelSpec("latent", "direction", size=4, horizon=1, cadence="every_step")
CHAINS = {
    "skills": (SKILLS,),
    "options": (OPTIONS,),
    "skills that do not see the goal": (replace(OPTIONS, horizon=4, sees_goal=False),),
    "options below attempts and achievement": (OPTIONS, *ABOVE),
    "a skill for a manager": (MOVES, replace(SKILLS, unit="attempts", horizon=2)),
    "a learned space": (LevelSpec("latent", size=3, horizon=3),),
    "directions": (replace(MOVES, kind="direction"),),
    "a direction at every step": (LATENT,),
    "a direction at every step for a manager": (SKILLS, replace(LATENT, size=0, elements=XY, horizon=2)),
}
"""Levels of other kinds than HIRO's, from the worker's on."""


TREE = Tree(
    (
        NodeSpec("top", ("careful", "near", "last"), sees=("x", "z")),
        NodeSpec("careful", ("near", "both"), sees=("y",)),
        NodeSpec("both", ("left", "right"), start=({"x": (-0.15, 9.0)},)),
        NodeSpec("near", commit=2),
        NodeSpec("left", commit=5, done=({"y": (-9.0, -0.2)}, {"x": (0.1, 9.0), "z": (-9.0, 9.0)})),
        NodeSpec("right", commit=3, start=({"x": (-9.0, -0.05)},)),
        NodeSpec("last", start=({"y": (-0.3, 9.0)},), commit=1),
    )
)
"""Paths of one, two and three choices; a leaf under two parents; leaves that are done before their time."""


def stack(managers, worker, levels=1):
    return Hierarchy(worker(), [managers(level) for level in range(levels)])


def reference(world, episodes=2, **options):
    runner, managers, worker = world(**options)
    hierarchy = stack(managers, worker, options.get("levels", 1))
    return [rollout(runner, hierarchy, episode) for episode in range(episodes)]


def test_segments_of_three_steps_in_an_episode_of_eight(world):
    trace = reference(world, episodes=1)[0]
    assert [s.step for s in trace.subgoals] == [0, 3, 6]
    assert [s.seq for s in trace.subgoals] == [s.attempt for s in trace.subgoals] == [0, 1, 2]
    ends = [(r.seq, r.step, r.steps_used, r.end_reason) for r in trace.subgoal_results]
    assert ends == [
        (0, 3, 3, SegmentEnd.HORIZON),
        (1, 6, 3, SegmentEnd.HORIZON),
        (2, 8, 2, SegmentEnd.TRUNCATED),
    ]
    assert [r.reward_sum for r in trace.subgoal_results] == [1 + 2 + 3, 4 + 5 + 6, 7 + 8]
    assert trace.subgoal_results[0].reward_discounted == pytest.approx(1 + 0.99 * 2 + 0.99**2 * 3)
    assert [a.subgoal_seq for a in trace.actions] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert {(a.source, len(a.intended)) for a in trace.actions} == {(ActionSource.POLICY, 0)}


def test_last_observation_gets_no_subgoal_and_no_action(world):
    for trace in reference(world):
        assert len(trace.observations) == len(trace.actions) + 1
        assert max(s.step for s in trace.subgoals) < trace.observations[-1].step


def test_new_task_goal_ends_the_segment_on_the_step_it_appears(world):
    trace = reference(world, episodes=1, goals={4: np.array([2.0, 2.0])})[0]
    assert [s.step for s in trace.subgoals] == [0, 3, 4, 7]
    assert trace.subgoal_results[1].end_reason == SegmentEnd.PREEMPTED
    assert trace.subgoals[2].task_goal.tolist() == [2.0, 2.0]


def test_attempts_of_a_manager_that_speaks_at_every_step_are_its_periods(world):
    trace = reference(world, episodes=1, cadence="every_step", goals={4: np.array([2.0, 2.0])})[0]
    assert [s.attempt for s in trace.subgoals] == [0, 0, 0, 1, 1, 1, 2, 2]
    chosen = [(s.step, s.attempt) for s in trace.subgoals if s.kind != SubgoalKind.CONTINUE]
    assert chosen == [(0, 0), (3, 1), (4, 1), (6, 2)]


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_a_worker_that_hears_observations_late_acts_by_what_its_manager_has_said_of_each(world, ahead):
    """By the wall clock a manager does not wait: choices and their confirmations have come several steps before."""
    trace = reference(world, episodes=1, cadence="every_step")[0]
    said = {subgoal.step: subgoal for subgoal in trace.subgoals}
    worker = world(cadence="every_step")[2]()
    actions = []
    for observation in trace.observations:
        steps = range(ahead + 1) if observation.first else [observation.step + ahead]
        for step in steps:
            if step in said:
                worker.on_subgoal(said[step])
        actions += [m for m in worker.on_observation(observation) if isinstance(m, Action)]
    assert [a.step for a in actions] == [a.step for a in trace.actions]
    np.testing.assert_array_equal([a.value for a in actions], [a.value for a in trace.actions])


def test_every_step_cadence_sends_continue_in_between(world):
    trace = reference(world, episodes=1, cadence="every_step")[0]
    kinds = [s.kind == SubgoalKind.CONTINUE for s in trace.subgoals]
    assert [s.step for s in trace.subgoals] == list(range(8))
    assert kinds == [False, True, True, False, True, True, False, True]
    assert len(trace.actions) == 8


def test_three_levels_in_an_episode_of_thirty_steps(world):
    """Laws of a stack, whatever its policies choose."""
    (trace,) = reference(world, episodes=1, levels=3, steps=30)
    assert len(trace.actions) == 30
    chosen = {level: [s for s in trace.subgoals if s.level == level] for level in range(3)}
    ended = {level: {r.seq: r for r in trace.subgoal_results if r.level == level} for level in range(3)}
    for level, subgoals in chosen.items():
        assert [s.seq for s in subgoals] == list(range(len(subgoals)))
        assert list(ended[level]) == list(range(len(subgoals))), "every result answers exactly one subgoal"
    for level in (1, 2):
        for parent in chosen[level]:
            children = [s for s in chosen[level - 1] if s.parent_seq == parent.seq]
            assert [s.attempt for s in children] == list(range(len(children)))
            result = ended[level][parent.seq]
            assert sum(ended[level - 1][s.seq].steps_used for s in children) == result.steps_used
            if result.end_reason == SegmentEnd.HORIZON:
                assert len(children) == 2
            assert len(children) <= 2
            last = ended[level - 1][children[-1].seq]
            assert (last.step, last.end_level >= level) == (result.step, True)
    assert {r.end_reason for r in trace.subgoal_results} >= {SegmentEnd.HORIZON, SegmentEnd.HIGHER_GOAL_REACHED}


@pytest.mark.parametrize("mode", [Mode.EVAL, Mode.TRAIN])
def test_a_path_of_a_tree_is_one_segment_under_several_names(world, mode):
    traces = reference(world, episodes=4, tree=TREE, mode=mode, steps=30)
    leaves = set()
    for trace in traces:
        decisions = {}
        for subgoal in trace.subgoals:
            decisions.setdefault(subgoal.seq, {})[subgoal.level] = subgoal
        assert list(decisions) == list(range(len(decisions)))
        ended = {}
        for result in trace.subgoal_results:
            ended.setdefault(result.seq, []).append(result)
        used = 0
        for seq, path in decisions.items():
            assert sorted(path) == list(range(len(path))), "levels number the path from the leaf outward"
            assert [path[level].parent_seq for level in sorted(path)] == [seq] * (len(path) - 1) + [-1]
            names = ["top"]
            for level in reversed(range(len(path))):
                skills = TREE.composites if level else TREE.leaves
                assert path[level].space == f"tree/{names[-1]}"
                names.append(skills[path[level].skill_id])
                assert names[-1] in TREE[names[-2]].children
                child = TREE[names[-1]]
                state = trace.observations[path[level].step].state
                assert not child.start or any(
                    all(low <= state["xyzw".index(e)] <= high for e, (low, high) in region.items())
                    for region in child.start
                )
            leaf = TREE[names[-1]]
            leaves.add((tuple(names), ended[seq][-1].end_reason))
            assert {s.horizon for s in path.values()} == {leaf.commit}
            assert [r.level for r in ended[seq]] == sorted(path, reverse=True), (
                "the leaf's, said last, says all is said"
            )
            for result in ended[seq]:
                assert list(result.active_path) == names[: len(names) - result.level]
                assert (result.end_reason, result.end_level) == (ended[seq][-1].end_reason, 0)
                assert 1 <= result.steps_used <= leaf.commit
            used += ended[seq][-1].steps_used
        assert used == len(trace.actions) == 30
    assert {len(names) for names, _ in leaves} == {2, 3, 4}
    assert {reason for _, reason in leaves} == {
        SegmentEnd.HORIZON,
        SegmentEnd.WORKER_TERMINATED,
        SegmentEnd.TRUNCATED,
    }


def test_a_subgoal_that_is_none_of_its_tree_is_refused(world, make_observation, make_subgoal):
    _, _, worker = world(tree=TREE)
    session = worker()
    session.on_observation(make_observation())
    given = {"kind": SubgoalKind.SKILL, "value": np.zeros(0), "anchor": np.zeros(0), "num_skills": 4, "skill_id": 1}
    with pytest.raises(InvalidDataError, match="'left' is no child of 'top'"):
        session.on_subgoal(make_subgoal(space="tree/top", **given))


def test_a_worker_alone_pursues_the_task_goal(world):
    (trace,) = reference(world, episodes=1, levels=0, goals={1: np.array([0.5, -0.2])})
    assert len(trace.actions) == 8
    assert not trace.subgoals
    assert not trace.subgoal_results
    seen = trace.observations[1]
    asked = float(seen.desired_goal.astype(np.float32).astype(float).sum())
    assert trace.actions[1].value.tobytes() == np.tanh(seen.state[:2] + asked * np.array([1.0, -0.5])).tobytes()


class Peers:
    """Worker ("w") and managers ("0", "1", ...), any of which may be started anew; their last subgoals outlive them."""

    def __init__(self, world, choose, levels=1, **options):
        self.runner, self.new_manager, self.new_worker = world(levels=levels, **options)
        self.choose = choose
        self.flying = []
        self.memory = {}
        self.last_words = []
        self.recalled = {}
        self.subgoals, self.results = {}, {}
        self.managers = {}
        self.names = ["w", *map(str, range(levels))]
        self.restart(self.names)

    def restart(self, who):
        if "w" in who:
            self.worker = self.new_worker()
            self.worker.restore(self.last_words)
            self.worker.recall.restore(self.recalled.get("w", b""))
        for level in (int(name) for name in who if name != "w"):
            self.managers[level] = self.new_manager(level)
            if level in self.memory:
                self.managers[level].restore(*self.memory[level])
                self.managers[level].recall.restore(self.recalled[str(level)])

    def receivers(self, message):
        if isinstance(message, Action):
            return ["s"]
        if isinstance(message, SubgoalResult):
            return ["s", self.manager_of(message.level)]
        if isinstance(message, SubgoalRequest):
            return [self.manager_of(message.level)]
        if isinstance(message, Subgoal):
            return ["w", *([self.manager_of(message.level - 1)] if message.level else [])]
        return self.names

    def manager_of(self, level):
        """Who chooses the subgoals of a level: of a tree one for all."""
        return str(min(level, len(self.managers) - 1))

    def answers(self, receiver, message):
        if receiver == "w":
            handle = self.worker.on_observation if isinstance(message, Observation) else self.worker.on_subgoal
            said = handle(message)
            words = [m for m in said if isinstance(m, Action | SubgoalResult)]
            if words:
                self.last_words, self.recalled["w"] = [*self.worker.standing(), *words], self.worker.recall.pack()
            for result in (m for m in said if isinstance(m, SubgoalResult)):
                self.results.setdefault((result.level, result.episode, result.seq), result)
            return said
        manager = self.managers[int(receiver)]
        handlers = {
            Observation: manager.on_observation,
            SubgoalResult: manager.on_result,
            Subgoal: manager.on_parent,
            SubgoalRequest: manager.on_request,
        }
        said = handlers[type(message)](message)
        for subgoal in said:
            if not isinstance(subgoal, Subgoal):
                continue
            self.subgoals[subgoal.level, subgoal.episode, subgoal.seq] = subgoal
            self.memory[int(receiver)], self.recalled[receiver] = manager.resend(), manager.recall.pack()
        if isinstance(message, Observation):
            manager.choose_ahead()
        return said


class Network(Peers):
    """Delivers messages late, twice and out of order, and restarts peers, as a random source decides."""

    def __init__(self, world, choose, **options):
        super().__init__(world, choose, **options)
        self.actions, self.observations = {}, []
        self.ended = set()

    def send(self, message):
        copies = 1 + self.choose(2)
        self.flying += [(receiver, message) for receiver in self.receivers(message) for _ in range(copies)]

    def deliver(self, receiver, message):
        if receiver == "s":
            self.simulate(message) if isinstance(message, Action) else self.note(message)
            return
        for answer in self.answers(receiver, message):
            self.send(answer)

    def simulate(self, action):
        current = self.runner.observation
        if (action.episode, action.step) == current.key and not current.last:
            self.actions[current.key] = action
            self.observations.append(self.runner.step(action.value))
            self.send(self.observations[-1])

    def note(self, result):
        """Of the ends of subgoals the simulator waits for those of the episode's end."""
        if self.runner.observation.last and (result.episode, result.step) == self.runner.observation.key:
            self.ended.add(result.level)

    @property
    def over(self):
        return self.runner.observation.last and self.ended.issuperset(range(len(self.managers)))

    def run(self, episodes):
        for episode in range(episodes):
            self.ended.clear()
            self.observations.append(self.runner.reset(episode))
            self.send(self.observations[-1])
            for _ in range(20_000):
                if self.over:
                    break
                if not self.flying:  # everybody waits: resend, as the nodes do after 0.2 s
                    self.send(self.runner.observation)
                    for peer in [*self.managers.values(), self.worker]:
                        for message in peer.resend():
                            self.send(message)
                if self.choose(20) == 0:
                    self.restart([name for name in self.names if self.choose(2)])
                self.deliver(*self.flying.pop(self.choose(len(self.flying))))
            assert self.over, "the barrier is stuck"


PLAIN = {
    "flat": {"levels": 0},
    "one level": {},
    "a word at every step": {"cadence": "every_step"},
    "two levels": {"levels": 2, "steps": 30},
    "three levels": {"levels": 3, "steps": 30},
}
REMEMBERING = {
    "a manager and a worker that remember": {"remembers": True, "chain": (LATENT,), "steps": 20},
    "a worker that remembers": {"remembers": True, "levels": 0, "steps": 20},
}
TREES = {"a tree": {"tree": TREE, "steps": 20}}
OTHERS = {name: {"chain": chain, "levels": len(chain), "steps": 20} for name, chain in CHAINS.items()}


@pytest.mark.parametrize(
    "options", [pytest.param(o, id=name) for name, o in {**PLAIN, **OTHERS, **TREES, **REMEMBERING}.items()]
)
@pytest.mark.parametrize("mode", [Mode.EVAL, Mode.TRAIN])
@given(seed=st.integers(0, 2**32))
@example(seed=19770197)  # an old observation reached a manager and a worker that had both just been restarted
@settings(max_examples=40, deadline=None)
def test_order_repetition_and_restarts_of_any_of_them_change_nothing(world, options, mode, seed):
    expected = reference(world, mode=mode, **options)
    generator = np.random.default_rng(seed)
    network = Network(world, lambda n: int(generator.integers(n)), mode=mode, **options)
    network.run(2)
    states = [o.state.tobytes() for trace in expected for o in trace.observations]
    assert [o.state.tobytes() for o in network.observations] == states
    actions = [a.value.tobytes() for trace in expected for a in trace.actions]
    assert [a.value.tobytes() for a in network.actions.values()] == actions
    for trace in expected:
        for subgoal in trace.subgoals:
            same = network.subgoals[subgoal.level, subgoal.episode, subgoal.seq]
            assert same.value.tobytes() == subgoal.value.tobytes()
            told = ("kind", "skill_id", "space", "parent_seq", "horizon", "attempt", "deterministic")
            assert [getattr(same, name) for name in told] == [getattr(subgoal, name) for name in told]
        for result in trace.subgoal_results:
            same = network.results.get((result.level, result.episode, result.seq))
            told = ("step", "steps_used", "end_reason", "end_level", "active_path")
            if same is None and result.end_reason not in EPISODE_ENDS:
                continue  # Its worker has not outlived it.
            assert [getattr(same, name) for name in told] == [getattr(result, name) for name in told]


class Robot(Peers):
    """Takes a step every period with what has come by then, as a robot does; whoever is down hears nothing."""

    def tick(self, down):
        """Deliver what one observation leads to, topics in any order; returns whether an action answered it."""
        observation = self.runner.observation
        self.flying = [(receiver, observation) for receiver in self.names]
        acted = False
        while self.flying:
            receiver, message = self.next()
            if receiver == "s":
                acted |= (message.episode, message.step) == observation.key
            elif receiver not in down:
                messages = self.answers(receiver, message)
                self.flying += [(to, m) for m in messages for to in self.receivers(m)]
        return acted

    def next(self):
        """What arrives next; a topic keeps its order."""
        topics = [(receiver, type(message)) for receiver, message in self.flying]
        return self.flying.pop(topics.index(topics[self.choose(len(topics))]))

    def run(self, episodes, outage):
        """Step through episodes; returns for each period whether its observation was answered."""
        told, period = [], 0
        for episode in range(episodes):
            self.runner.reset(episode)
            while not self.runner.observation.last:
                down = outage(period)
                self.restart({who for who in self.names if who in outage(period - 1) and who not in down})
                told.append(self.tick(down))
                self.runner.step(np.zeros(2))
                period += 1
        return told


@pytest.mark.parametrize("cadence", ["on_result", "every_step"])
@given(
    who=st.sampled_from(["w", "0", "w0"]), start=st.integers(0, 30), length=st.integers(1, 12), seed=st.integers(0, 99)
)
@settings(max_examples=150, deadline=None)
def test_in_real_time_a_worker_or_manager_that_comes_back_has_the_robot_act_in_the_very_next_period(
    world, cadence, who, start, length, seed
):
    generator = np.random.default_rng(seed)
    robot = Robot(world, lambda n: int(generator.integers(n)), cadence=cadence)
    told = robot.run(5, lambda period: who if start <= period < start + length else "")
    silent = [period for period, acted in enumerate(told) if not acted]
    assert all(start <= period < start + length for period in silent), silent
    # No number was left out.
    for episode in range(5):
        seqs = sorted(seq for _, e, seq in robot.subgoals if e == episode)
        assert cadence == "every_step" or seqs == list(range(len(seqs)))


def test_manager_without_memory_never_takes_a_number_twice(world, make_observation):
    _, manager, worker = world()
    session = worker()
    (request,) = session.on_observation(make_observation(step=5))
    assert isinstance(request, SubgoalRequest)
    forgetful = manager()
    forgetful.remembers = False
    forgetful.on_observation(make_observation(step=5))
    (subgoal,) = forgetful.on_request(request)
    assert subgoal.seq == 5
    (action,) = session.on_subgoal(subgoal)
    assert action.subgoal_seq == 5


def test_numbers_that_cannot_be_are_refused(world, make_observation, make_subgoal):
    _, manager, worker = world()
    session = worker()
    session.on_observation(make_observation(step=2))
    with pytest.raises(InvalidDataError, match="number 4294967295 at step 2"):
        session.on_subgoal(make_subgoal(step=2, seq=2**32 - 1))
    session.on_subgoal(make_subgoal(step=0, horizon=3))
    (result,) = session.on_observation(make_observation(step=3))
    deciding = manager()
    deciding.on_observation(make_observation(step=3))
    with pytest.raises(InvalidDataError, match="subgoal result: number 7 at step 3"):
        deciding.on_result(result._replace(seq=7))


def test_exploration_varies_with_the_seed_and_not_with_the_process(world, stubs, tiny_task, make_observation):
    first, again = (reference(world, mode=Mode.TRAIN)[0] for _ in range(2))
    assert [a.value.tobytes() for a in first.actions] == [a.value.tobytes() for a in again.actions]
    manager, worker, runner = stubs
    task = tiny_task()
    other = rollout(
        runner(task, make_observation, Mode.TRAIN),
        Hierarchy(
            WorkerSession(task, hierarchy_of(task), worker(), seed=4),
            [ManagerSession(task, hierarchy_of(task), manager(), seed=4)],
        ),
        0,
    )
    assert other.actions[0].value.tobytes() != first.actions[0].value.tobytes()


def test_worker_that_joins_a_segment_in_its_middle_does_not_invent_sums(world, make_observation, make_subgoal):
    _, _, worker = world()
    session = worker()
    session.on_observation(make_observation(step=2))
    session.on_subgoal(make_subgoal(step=0, horizon=3))
    (result,) = session.on_observation(make_observation(step=3, reward=1.0))
    assert result.steps_used == 3
    assert np.isnan([result.reward_sum, result.intrinsic_sum]).all()


def test_worker_that_follows_a_dead_one_knows_its_subgoal_its_policy_and_what_was_answered(
    world, make_observation, make_subgoal
):
    _, _, new_worker = world()
    first, second = new_worker(), new_worker()
    first.on_observation(make_observation(step=4))
    acted = first.on_subgoal(make_subgoal(step=4, seq=1, horizon=3, policy_version=9))
    second.restore([*first.standing(), *acted])
    followed = []
    second.renew = lambda version: followed.append(version) or second.worker
    assert second.on_observation(make_observation(step=3)) == [], "a late copy of what has been answered"
    assert second.on_observation(make_observation(step=4))[0].value.tobytes() == acted[0].value.tobytes()
    assert followed == [9]
    (result,) = second.on_observation(make_observation(step=5, truncated=True, reward=2.0))
    assert (result.seq, result.steps_used, result.reward_sum) == (1, 1, 2.0), "it has seen all of it"
    third = new_worker()
    third.restore([*first.standing(), *acted])
    assert third.on_observation(make_observation(episode=1, first=True)) == [], "of an episode that is over"
    assert third.standing() == []


@pytest.mark.parametrize("ahead", [False, True], ids=["observation first", "subgoal first"])
def test_manager_between_takes_the_policy_that_acts_above_it_however_early_it_may_have_another(
    world, make_observation, ahead
):
    _, managers, _ = world(levels=2)
    session, top, asked = managers(0), managers(1), []
    session.renew = lambda version: asked.append(version) or session.manager
    for episode, version in enumerate((4, 7)):
        observation = make_observation(episode=episode, first=True)
        subgoal = top.on_observation(observation)[0]._replace(policy_version=version)
        steps = [lambda o=observation: session.on_observation(o), lambda s=subgoal: session.on_parent(s)]
        first, then = reversed(steps) if ahead else steps
        assert not any(isinstance(said, Subgoal) for said in first())
        assert asked == [4, 7][:episode], "what acts above is not known yet"
        assert len(then()) == 1
        assert asked == [4, 7][: episode + 1]
        session.on_observation(make_observation(episode=episode, step=1))
        session.on_parent(subgoal._replace(seq=1, step=1, policy_version=9))
    assert asked == [4, 7], "an episode keeps its policy"


def test_worker_without_memory_asks_for_the_subgoal_that_has_ended_with_its_episode(
    world, make_observation, make_subgoal
):
    _, _, worker = world()
    session = worker()
    (request,) = session.on_observation(make_observation(step=5, truncated=True))
    assert isinstance(request, SubgoalRequest)
    assert session.waiting_for == "manager"
    (result,) = session.on_subgoal(make_subgoal(step=3, seq=1, horizon=3))
    assert (result.seq, result.end_reason) == (1, SegmentEnd.TRUNCATED)
    assert session.waiting_for == "simulator"


def test_held_subgoal_serves_until_it_expires(world, make_observation, make_subgoal):
    _, _, worker = world()
    session = worker()
    session.on_observation(make_observation(step=0))
    session.on_subgoal(make_subgoal(step=0, horizon=3))
    for step in range(1, 9):
        answers = session.on_observation(make_observation(step=step)) + session.act_on_held()
        actions = [a for a in answers if isinstance(a, Action)]
        assert bool(actions) == (step <= 6), step
        assert {a.source for a in actions} <= {ActionSource.POLICY}, "a new action: the environment holds nothing"


@pytest.mark.parametrize("bad", [np.zeros(3), np.full(4, np.nan)])
def test_observation_of_wrong_size_or_not_finite_is_refused(world, make_observation, bad):
    _, manager, worker = world()
    for session in (manager(), worker()):
        with pytest.raises(InvalidDataError, match="observation"):
            session.on_observation(make_observation(state=bad))


def test_subgoal_that_is_not_finite_is_refused(world, make_observation, make_subgoal):
    _, _, worker = world()
    session = worker()
    session.on_observation(make_observation())
    with pytest.raises(InvalidDataError, match="subgoal value: non-finite"):
        session.on_subgoal(make_subgoal(value=np.array([0.0, np.inf, 0.0])))


@pytest.mark.parametrize("tested", [False, True])
def test_below_a_tested_subgoal_nobody_explores_and_all_are_tested(world, make_observation, make_subgoal, tested):
    def below(mode, seed):
        """Subgoal of a manager, and the action of its worker, under a subgoal that is given."""
        _, manager, worker = world(mode=mode, levels=2, seed=seed)
        deciding, acting = manager(0), worker()
        first = make_observation(first=True, mode=mode, state=np.full(4, 0.3))
        given = {"level": 1, "kind": SubgoalKind.ABSOLUTE, "value": np.zeros(2), "anchor": np.zeros(2)}
        parent = make_subgoal(**given, horizon_unit=1, horizon=2, test=tested)
        deciding.on_observation(first)
        acting.on_observation(first)
        acting.on_subgoal(parent)
        (subgoal,) = deciding.on_parent(parent)
        (action,) = acting.on_subgoal(subgoal)
        assert subgoal.test == tested
        assert subgoal.deterministic == (tested or mode != Mode.TRAIN)
        return subgoal.value.tobytes(), action.value.tobytes()

    still = below(Mode.EVAL, seed=1)
    explored = [below(Mode.TRAIN, seed) for seed in (1, 2)]
    assert (explored == [still, still]) == tested
    assert (explored[0] == explored[1]) == tested


LSTM = {"remembers": True, "levels": 0, "steps": 20}


def test_a_worker_that_remembers_does_not_go_on_without_what_it_has_forgotten(world, make_observation):
    _, _, worker = world(**LSTM)
    with pytest.raises(InvalidDataError, match="decide episode 2 step 5 with version 7, remembered is nothing"):
        worker().on_observation(make_observation(episode=2, step=5))
    missed = worker()
    missed.on_observation(make_observation(first=True))
    with pytest.raises(InvalidDataError, match=r"episode 0 up to step 0 \(policy version 7\)"):
        missed.on_observation(make_observation(step=2))


def test_in_real_time_it_goes_on_all_the_same(world, make_observation):
    _, _, worker = world(**LSTM)
    session = worker()
    session.recall.strict = False
    assert [m.step for m in session.on_observation(make_observation(step=5))] == [5]
    assert [m.step for m in session.on_observation(make_observation(step=9))] == [9]


def test_what_is_remembered_is_another_versions_affair_after_a_change_of_policies(world, make_observation):
    _, _, worker = world(**LSTM)
    first, second = worker(), worker()
    first.on_observation(make_observation(first=True))
    second.recall.restore(first.recall.pack())
    second.worker.version = 8
    with pytest.raises(InvalidDataError, match="with version 8, remembered is episode 0 up to step 0"):
        second.on_observation(make_observation(step=1))


def test_a_direction_in_the_latent_space_of_another_version_is_refused(world, make_observation, make_subgoal):
    _, _, worker = world(remembers=True, chain=(LATENT,))
    session = worker()
    session.on_observation(make_observation(first=True))
    direction = make_subgoal(
        kind=SubgoalKind.DIRECTION, value=np.eye(4)[0], anchor=np.empty(0), policy_version=6, horizon=1
    )
    with pytest.raises(InvalidDataError, match="direction of policy version 6, the worker's is 7"):
        session.on_subgoal(direction)
