"""A task, its model and messages to tell a scene."""

import numpy as np
import pytest

from hrl_core.hierarchy.spec import hierarchy_of
from hrl_core.messages import NAN, NO_VECTOR, Observation, Subgoal, SubgoalKind, SubgoalResult
from hrl_core.task.text import load_task
from hrl_viz.scene import Scene
from hrl_viz.scene_model import SceneModel


@pytest.fixture(scope="session")
def spec():
    return load_task("ant_maze")


@pytest.fixture
def scene(spec):
    return Scene(spec, SceneModel(spec), hierarchy_of(spec, "smallest"))


@pytest.fixture
def observe(spec):
    def make(x=0.0, y=0.0, step=0, episode=0, goal=(0.0, 16.0)):
        state = np.zeros(len(spec.observation))
        state[:4] = x, y, 0.6, 1.0
        at, wanted = np.array((x, y)), np.array(goal)
        names = {"stamp": step, "frame": "odom", "run": 1, "robot": "robot", "episode": episode, "step": step}
        told = {"state": state, "achieved_goal": at, "desired_goal": wanted, "reward": -1.0, "success": False}
        ends = {"first": step == 0, "terminated": False, "truncated": False, "mode": 1}
        return Observation(**names, **told, **ends, applied_action=NO_VECTOR, action_source=0, task_hash=0)

    return make


@pytest.fixture
def choose():
    def make(value=(), anchor=(0.0, 0.0), seq=0, episode=0, kind=SubgoalKind.RELATIVE, level=0, skill_id=-1):
        names = {"stamp": 0, "frame": "odom", "run": 1, "robot": "robot", "episode": episode, "step": 10 * seq}
        what = {"seq": seq, "parent_seq": -1, "level": level, "kind": kind, "value": np.array(value, np.float64)}
        skill = {"skill_id": skill_id, "num_skills": 0, "space": "position_xy", "task_goal": np.zeros(2)}
        until = {"horizon": 10, "horizon_unit": 0, "tolerance": NO_VECTOR, "end_when_achieved": False}
        flags = {"worker_may_terminate": False, "test": False, "deterministic": True, "log_probability": NAN}
        anchored = {"anchor": np.array(anchor, np.float64), "value_estimate": NAN, "policy_version": 0}
        return Subgoal(**names, **what, **skill, **until, **flags, **anchored)

    return make


@pytest.fixture
def end():
    def make(seq, reward=-10.0, episode=0, intrinsic=-5.0):
        names = {"stamp": 0, "frame": "odom", "run": 1, "robot": "robot", "episode": episode, "level": 0, "seq": seq}
        how = {"step": 10 * seq + 10, "steps_used": 10, "end_reason": 1, "end_level": 0, "achieved": np.zeros(2)}
        sums = {"reward_sum": reward, "reward_discounted": reward, "intrinsic_sum": intrinsic, "active_path": ()}
        return SubgoalResult(**names, **how, **sums)

    return make
