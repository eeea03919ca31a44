"""Lock-step held to a pace, and episodes chosen by number."""

import time

import numpy as np
import pytest

from hrl_core.messages import ActionSource
from hrl_core.randomness import episode_seed
from hrl_msgs import msg
from hrl_msgs.srv import ChooseEpisode, Reset, SetRealTimeFactor
from hrl_ros import qos

pytestmark = [pytest.mark.ros, pytest.mark.alone]


@pytest.mark.learning
def test_a_subgoal_is_held_at_whatever_pace_while_the_manager_is_late(launch, listener, observe):
    graph = launch("mode:=realtime", "rtf:=0.25", "episodes:=0", "record:=false")
    listener.spin_until(lambda: len(observe) > 3 and observe[-1].step > 3, timeout=60)
    assert listener.call(SetRealTimeFactor, "set_real_time_factor", real_time_factor=1.0).accepted
    listener.spin_until(lambda: observe[-1].step > 12)
    manager = graph.node("manager")
    manager.suspend()
    chosen = observe[-1].step // 10 * 10
    listener.spin_until(lambda: observe[-1].step > chosen + 20)
    manager.resume()
    # After the horizon of 10 steps, for as long again.
    late = [o.action_source for o in observe if chosen + 12 <= o.step <= chosen + 20]
    assert ActionSource.SAFE not in late
    assert ActionSource.POLICY in late


def test_lockstep_is_held_to_a_pace_and_let_go_again(launch, listener, observe):
    status = []
    listener.create_subscription(msg.SimStatus, "sim_status", status.append, qos.latched())
    launch("episodes:=0", "record:=false", "seed:=5")
    listener.spin_until(lambda: len(observe) > 20, timeout=60)
    assert listener.call(SetRealTimeFactor, "set_real_time_factor", real_time_factor=2.0).accepted
    listener.spin_until(lambda: status and status[-1].wanted_real_time_factor == 2.0)

    def seconds_for(steps):
        heard, begun = len(observe), time.monotonic()
        listener.spin_until(lambda: len(observe) >= heard + steps)
        return time.monotonic() - begun

    def all_read():
        heard = len(observe)
        listener.spin_for(0.01)
        return len(observe) == heard

    listener.spin_until(all_read)
    assert 1.8 < seconds_for(40) < 4.0  # 20 steps of 0.1 s a second
    assert "0.001 to 1000" in listener.call(SetRealTimeFactor, "set_real_time_factor", real_time_factor=-1.0).message
    assert listener.call(SetRealTimeFactor, "set_real_time_factor", real_time_factor=0.0).accepted
    assert seconds_for(100) < 4.0

    def first_of(episode):
        listener.spin_until(lambda: any(o.key == (episode, 0) for o in observe))
        return next(o for o in observe if o.key == (episode, 0))

    chosen = listener.call(ChooseEpisode, "choose_episode", episode=3)
    again = listener.call(Reset, "reset", use_seed=True, seed=episode_seed(5, 3))
    assert chosen.accepted
    assert again.episode > chosen.episode
    assert np.array_equal(first_of(chosen.episode).state, first_of(again.episode).state)
