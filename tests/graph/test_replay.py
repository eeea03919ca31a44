"""A run is recorded, played onto its topics again, and reported on."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rosgraph_msgs.msg import Clock

from hrl_msgs import msg
from hrl_msgs.srv import ChooseEpisode, SetPaused, SetRealTimeFactor
from hrl_ros import qos

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(240)]
HRL = Path(sys.executable).with_name("hrl")


@pytest.mark.learning
def test_a_recording_plays_onto_its_topics_and_becomes_a_report(launch, listener, observe, domain, read_bag, tmp_path):
    graph = launch("episodes:=1")
    code, output = graph.wait(timeout=120)
    assert code == 0, output
    heard = -1
    while len(observe) > heard:  # What the run has said may still be on its way.
        heard = len(observe)
        listener.spin_for(0.5)
    observe.clear()
    live = {o.key: o for o in read_bag(graph.out / "bag")["observation"]}
    assert len(live) == 501

    clocks, infos, results = [], [], []
    listener.create_subscription(Clock, "clock", clocks.append, qos.event())
    listener.create_subscription(msg.RunInfo, "run_info", infos.append, qos.latched())
    listener.create_subscription(msg.EpisodeResult, "episode_result", results.append, qos.event())
    words = [HRL, "bag", "play", graph.out, "--rate", "0", "--paused", "--no-viewer"]
    player = subprocess.Popen(words, env=os.environ | {"ROS_DOMAIN_ID": str(domain)}, stdout=subprocess.PIPE, text=True)
    try:
        # Paused: nothing may be played before the listener is matched.
        refused = listener.call(SetRealTimeFactor, "set_real_time_factor", real_time_factor=1e9)
        assert "must be 0" in refused.message
        assert "is not recorded; there are 0" in listener.call(ChooseEpisode, "choose_episode", episode=7).message
        assert not observe
        listener.spin_until(lambda: infos)
        listener.call(SetPaused, "set_paused", paused=False)
        listener.spin_until(lambda: results, timeout=60)
        assert player.wait(timeout=30) == 0
    finally:
        player.kill()
    listener.spin_until(lambda: len(observe) >= len(live))
    assert [o.key for o in observe] == sorted(live)
    assert all(o.state.tobytes() == live[o.key].state.tobytes() for o in observe)
    seconds = [clock.clock.sec + 1e-9 * clock.clock.nanosec for clock in clocks]
    assert seconds == sorted(seconds)
    assert infos[-1].run == observe[0].run

    # Somebody closes a loop here: a second playback finds that out and refuses.
    listener.create_publisher(msg.RunInfo, "run_info", qos.latched())
    refused = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode == 1
    assert "a graph is running in namespace '/'" in refused.stdout
    assert "--namespace NAME" in refused.stdout

    page = tmp_path / "report.html"
    done = subprocess.run([HRL, "report", graph.out, "--out", page], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []
    assert text.count("<img") == 4
    for heading in ("Paths and subgoals", "Over time", "Episodes", "Action latency", "Policies", "Relabelling"):
        assert f"<h2>{heading}" in text
    # The worker that acted is the one that relabels: its own subgoals explain its actions best.
    assert "100% keep the recorded one" in text
