"""What the page says: fresh or stale, curves that start afresh when time goes back."""

import html
import math
import re
from types import SimpleNamespace

import pytest
import viser

from hrl_viz import palette
from hrl_viz.commands import Commands
from hrl_viz.curves import LENGTH, Curve, Curves
from hrl_viz.freshness import STALE_AFTER, Freshness, status_line
from hrl_viz.panel import Panel, legend


@pytest.fixture
def status():
    told = {"paused": False, "finished": False, "episode": 3, "reached_step": 120}
    return SimpleNamespace(**told, real_time_factor=0.98, wanted_real_time_factor=1.0)


def test_data_that_stops_coming_is_told(status):
    now = [0.0]
    fresh = Freshness(lambda: now[0])
    assert fresh.stale() == math.inf
    assert "waiting for data" in status_line(None, fresh.stale())
    fresh.heard()
    assert "running" in status_line(status, fresh.stale())
    now[0] = STALE_AFTER + 2
    assert f"NO DATA for {STALE_AFTER + 2:.0f} s" in status_line(status, fresh.stale())


def test_a_paused_and_a_finished_run_are_told_apart_from_a_silent_one(status):
    status.paused = True
    assert "paused" in status_line(status, 0.0)
    status.finished = True
    assert "finished" in status_line(status, 0.0)


def test_a_wanted_factor_of_zero_means_as_fast_as_possible(status):
    status.wanted_real_time_factor = 0.0
    assert "as fast as possible" in status_line(status, 0.0)


def test_curves_keep_the_newest_points_and_start_afresh_when_time_goes_back():
    curves = Curves({"a": Curve("a", "#000000"), "b": Curve("b", "#000000")})
    for k in range(LENGTH + 5):
        curves.add("a", k, 2 * k)
    times, values = curves.changed()["a"]
    assert len(times) == LENGTH
    assert values[-1] == 2 * (LENGTH + 4)
    assert curves.changed() == {}
    curves.add("a", 0.0, 1.0)
    curves.add("b", 0.0, math.nan)
    assert curves.changed()["a"][0].tolist() == [0.0]


def test_an_answer_is_not_lost_to_the_one_that_comes_with_it():
    server = viser.ViserServer("127.0.0.1", 0, verbose=False)
    try:
        panel = Panel(server, Curves({}), lambda _: None)
        for words in ("paused", "running", "goal (8.0, 0.0) m sent", "reset: episode 1"):
            panel.answer(words)
        assert panel._message.content == "- reset: episode 1\n- goal (8.0, 0.0) m sent\n- running"
    finally:
        server.stop()


@pytest.mark.parametrize(
    "words",
    [
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1)) **here** or `there`, www.example.org",
        "line\n<script>alert(1)</script>\n\n# heading &lt;",
        "goal: 3 numbers wanted, got 2 (größer)",
    ],
)
def test_what_a_service_says_is_shown_as_text_never_as_html_or_markdown(words):
    answers = []
    commands = Commands.__new__(Commands)
    commands._answer = answers.append
    commands._told(SimpleNamespace(accepted=False, message=words), str)
    (answer,) = answers
    shown = answer.removeprefix("refused: ")
    assert re.fullmatch(r"(\w| |&#\d+;)*", shown)
    assert html.unescape(shown) == " ".join(words.split())


def test_the_legend_explains_every_colour_that_has_a_meaning():
    shown = legend()
    levels = [palette.of_level(level) for level in range(3)]
    for color in (palette.TRAIL, *levels, palette.RELABELLED, palette.GOAL, palette.APPLE, palette.BOMB):
        assert palette.hexadecimal(color) in shown
