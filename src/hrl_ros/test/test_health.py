"""Health: what is counted comes out as rates, percentiles and levels, as plain decimal numbers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_ros.health import Health, Level, plain
from hrl_ros.thresholds import Thresholds


class Time:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def health(time):
    return Health(Thresholds(), time)


def run(health, time, stream, seconds, rate):
    """Messages at an even rate for a while, then a report."""
    for _ in range(round(seconds * rate)):
        time.now += 1 / rate
        stream.received()
    return health.report()


def test_a_node_to_which_nothing_happens_is_well_and_says_what_it_does(health):
    health.doing = "recording"
    report = health.report()
    assert (report.level, report.message) == (Level.OK, "recording")
    assert report.values == {"missed deadlines": "0", "watchdog trips": "0", "refused": "0"}


@pytest.mark.parametrize(("rate", "level"), [(50, Level.OK), (46, Level.OK), (40, Level.WARN), (20, Level.ERROR)])
def test_a_rate_is_judged_against_the_nominal_one(health, time, rate, level):
    stream = health.stream("state", 50.0)
    run(health, time, stream, 1, rate)
    report = run(health, time, stream, 1, rate)
    assert float(report.values["state [Hz]"]) == pytest.approx(rate, rel=1e-4)
    assert report.level == level
    assert (f"state at {rate} Hz instead of 50 Hz" in report.message) == (level > Level.OK)


def test_the_rate_does_not_depend_on_where_the_report_falls_between_two_messages(health, time):
    """Counting per second would be 10 % off at 10 Hz."""
    stream = health.stream("state", 10.0)
    run(health, time, stream, 1, 10)
    for late in (0.0, 0.03, 0.06, 0.09):
        for _ in range(10):
            time.now += 0.1
            stream.received()
        time.now += late
        report = health.report()
        time.now -= late
        assert float(report.values["state [Hz]"]) == pytest.approx(10, rel=1e-4)


def test_silence_counts_as_soon_as_it_is_longer_than_usual(health, time):
    stream = health.stream("state", 10.0)
    run(health, time, stream, 1, 10)
    run(health, time, stream, 1, 10)
    time.now += 1
    report = health.report()
    assert float(report.values["state [Hz]"]) == pytest.approx(1)
    assert report.level == Level.ERROR
    time.now += 3
    assert float(health.report().values["state [Hz]"]) == pytest.approx(0.25)


def test_reports_out_of_turn_do_not_disturb_the_rates(health, time):
    stream = health.stream("state", 10.0)
    run(health, time, stream, 1, 10)
    run(health, time, stream, 1, 10)
    for _ in range(5):
        time.now += 0.001
        assert health.report().level == Level.OK


def test_nothing_is_judged_while_suspended_or_without_a_nominal_rate(health, time):
    paused, free = health.stream("paused", 50.0), health.stream("free")
    health.control_period = 0.1
    health.suspended = True
    for stream in (paused, free):
        run(health, time, stream, 1, 5)
    health.took(9.0)
    assert run(health, time, free, 1, 5).level == Level.OK


def test_latencies_come_out_as_percentiles_of_the_last_period_only(health):
    for milliseconds in range(1, 101):
        health.took(milliseconds / 1e3)
    values = health.report().values
    assert [values[f"latency {name} [ms]"] for name in ("p50", "p99", "max")] == ["50", "99", "100"]
    assert "latency p50 [ms]" not in health.report().values


@pytest.mark.parametrize(("latency", "level"), [(0.02, Level.OK), (0.06, Level.WARN), (0.11, Level.ERROR)])
def test_latency_is_judged_as_a_share_of_the_control_period(health, latency, level):
    health.control_period = 0.1
    health.took(latency)
    assert health.report().level == level


def test_counts_are_totals_and_judged_by_what_is_new_per_second(health, time):
    health.missed_deadlines = 2
    time.now += 1
    report = health.report()
    assert (report.level, report.values["missed deadlines"]) == (Level.WARN, "2")
    time.now += 1
    report = health.report()
    assert (report.level, report.values["missed deadlines"]) == (Level.OK, "2")
    health.missed_deadlines += 4
    time.now += 1
    assert health.report().level == Level.ERROR
    health.watchdog_trips += 1
    time.now += 1
    assert health.report().level == Level.ERROR


def test_refusals_are_counted_by_reason(health, time):
    for reason in ("old", "not finite", "old"):
        health.refuse(reason)
    time.now += 1
    report = health.report()
    assert report.level == Level.WARN
    assert "3 refused in the last 1 s, mostly 'old'" in report.message
    assert report.values["refused"] == "3"
    assert report.values["refused: old"] == "2"


def test_thresholds_are_parameters(time):
    health = Health(Thresholds(missed_deadlines_warn=5.0, missed_deadlines_error=6.0), time)
    health.missed_deadlines = 5
    time.now += 1
    assert health.report().level == Level.OK
    health.missed_deadlines = 12
    time.now += 1
    assert health.report().level == Level.ERROR


def test_a_condition_lasts_until_it_is_cleared_and_the_worst_comes_first(health):
    health.set_condition("policy", Level.WARN, "policy refused")
    health.set_condition("e-stop", Level.ERROR, "e-stop is latched")
    for _ in range(2):
        report = health.report()
        assert (report.level, report.message) == (Level.ERROR, "e-stop is latched; policy refused")
    health.clear_condition("e-stop")
    health.clear_condition("policy")
    assert health.report().level == Level.OK


def test_figures_stay_until_they_are_changed(health):
    health.figures["real-time factor"] = 0.99
    for _ in range(2):
        assert health.report().values["real-time factor"] == "0.99"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_plain_decimals_right_to_six_digits(value):
    text = plain(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?", text)
    assert float(text) == pytest.approx(value, rel=1e-5, abs=1e-320)


def test_per_message_a_health_only_counts(health):
    """A lock-step message has a budget of half a millisecond; counting it takes a thousandth of that."""
    import timeit

    stream = Health().stream("observation")
    assert min(timeit.repeat(stream.received, number=10_000, repeat=5)) / 10_000 < 5e-6


@pytest.mark.parametrize(("period", "least"), [(0.1, 0.3), (None, 5.0)])
def test_a_node_that_owes_an_answer_for_more_than_three_periods_says_so_and_for_whom_it_waits(
    health, time, period, least
):
    health.control_period, health.waits_for = period, lambda: "the manager"
    health.due()
    time.now += 0.9 * least
    health.due()
    assert health.report().level == Level.OK
    time.now += 0.2 * least
    report = health.report()
    assert report.level == Level.ERROR
    assert re.search(r"has not acted for [\d.]+ s in a running episode: waits for the manager", report.message)
    health.done()
    assert health.report().level == Level.OK


def test_a_pause_is_no_idleness(health, time):
    health.control_period = 0.1
    health.due()
    health.suspended = True
    time.now += 100.0
    assert health.report().level == Level.OK
    health.suspended = False
    time.now += 0.2
    assert health.report().level == Level.OK
    time.now += 0.2
    assert health.report().level == Level.ERROR
