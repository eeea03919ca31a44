"""How episodes differ: as text, as numbers drawn from an episode's seed, and as noise on a task's elements."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.errors import HrlError, TaskError
from hrl_core.randomisation import NONE, Drawn, Randomisation, Range, parse_randomisation, told_in, told_with
from hrl_core.task.text import load_task, parse_task

TASK = load_task("ant_maze")
SEEDS = st.integers(0, 2**63 - 1)


def ranges(least):
    ends = st.floats(least, 1e6, allow_subnormal=False)
    return st.tuples(ends, ends).map(lambda pair: Range(min(pair), max(pair)))


def randomisations():
    noise = st.dictionaries(st.sampled_from(["", "x", "qw", "m/s"]), st.floats(0, 10), max_size=3)
    return st.builds(
        Randomisation, delay=ranges(0), loss=st.floats(0, 0.99), friction=ranges(0.1), mass=ranges(0.1), noise=noise
    )


@given(randomisations())
def test_what_is_written_is_read_back_and_written_in_the_same_words(randomisation):
    read = parse_randomisation(str(randomisation))
    assert str(read) == str(randomisation)
    assert (read.delay, read.loss, read.friction, read.mass) == (
        randomisation.delay, randomisation.loss, randomisation.friction, randomisation.mass,
    )  # fmt: skip
    np.testing.assert_array_equal(read.deviations(TASK), randomisation.deviations(TASK))


def test_a_text_is_read_as_it_says():
    read = parse_randomisation(" delay=0:0.06, loss=0.05,friction=0.7:1.3,mass=2,noise=0.01,noise.rad/s=0.1 ")
    assert read == Randomisation(Range(0, 0.06), 0.05, Range(0.7, 1.3), Range(2, 2), {"": 0.01, "rad/s": 0.1})
    assert str(read) == "delay=0:0.06,loss=0.05,friction=0.7:1.3,mass=2,noise=0.01,noise.rad/s=0.1"


@pytest.mark.parametrize("text", ["", " ", ",", "delay=0", "loss=0", "friction=1,mass=1:1", "noise=0"])
def test_what_changes_nothing_is_nothing(text):
    assert not parse_randomisation(text)
    assert str(parse_randomisation(text)) == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("delay", "'delay' is not of the form name=value; write for instance delay=0:0.06"),
        ("dealy=0.1", "unknown quantity 'dealy'; did you mean delay"),
        ("gravity=0.1", "unknown quantity 'gravity'; known are delay, loss, friction, mass, noise and noise.ELEMENT"),
        ("delay.x=0.1", "unknown quantity 'delay.x'"),
        ("loss=0.1,loss=0.2", "loss is given twice, 0.1 and 0.2"),
        ("delay=soon", "delay=soon: must be a number or LOW:HIGH"),
        ("delay=0:0.1:0.2", "delay=0.1:0.2: must be a number or LOW:HIGH"),
        ("loss=0:0.1", "loss=0:0.1: must be a number; write"),
        ("delay=0.06:0", "delay=0.06:0: must be two finite numbers, rising, 0 or more"),
        ("delay=-0.1:0", "0 or more"),
        ("friction=0:1", "friction=0:1: must be two finite numbers, rising, above 0"),
        ("mass=1:inf", "mass=1:inf: must be two finite numbers"),
        ("mass=nan", "mass=nan:nan: must be two finite numbers"),
        ("loss=1", "loss=1: must be a chance from 0 to below 1"),
        ("noise=-1", "noise=-1: must be a finite number, 0 or more"),
        ("noise.x=nan", "noise.x=nan: must be a finite number"),
    ],
)
def test_impossible_texts_are_refused_by_name(text, message):
    with pytest.raises(HrlError) as refusal:
        parse_randomisation(text)
    assert f"randomise: {message}".replace("randomise: 0 or more", "0 or more") in str(refusal.value)


@given(randomisations(), SEEDS)
def test_what_is_drawn_lies_in_its_range_and_follows_from_the_seed(randomisation, seed):
    drawn = randomisation.drawn(seed)
    assert drawn == randomisation.drawn(seed)
    for name, value in drawn._asdict().items():
        low, high = getattr(randomisation, name)
        assert low <= value <= high * (1 + 1e-12)


@given(SEEDS)
def test_each_quantity_is_the_same_whatever_others_are_varied(seed):
    everything = parse_randomisation("delay=0:1,friction=0.5:2,mass=0.5:2").drawn(seed)
    assert parse_randomisation("delay=0:1").drawn(seed) == Drawn(everything.delay, 1, 1)
    assert parse_randomisation("mass=0.5:2").drawn(seed) == Drawn(0, 1, everything.mass)


def test_episodes_differ_and_a_share_of_commands_is_lost():
    randomisation = parse_randomisation("delay=0:1,loss=0.2")
    delays = [randomisation.drawn(seed).delay for seed in range(400)]
    assert len(set(delays)) == 400
    assert 0.45 < np.mean(delays) < 0.55
    lost = [randomisation.lost(seed, step) for seed in range(20) for step in range(100)]
    assert 0.17 < np.mean(lost) < 0.23
    assert lost == [randomisation.lost(seed, step) for seed in range(20) for step in range(100)]
    assert not any(NONE.lost(seed, 0) for seed in range(20))


def test_noise_is_for_what_is_measured_unless_an_element_is_named():
    names = [element.name for element in TASK.observation]

    def deviations(text):
        return dict(zip(names, parse_randomisation(text).deviations(TASK).tolist(), strict=True))

    general = deviations("noise=0.01")
    assert {name for name, deviation in general.items() if not deviation} == {"qw", "qx", "qy", "qz", "time"}
    assert {general[name] for name in ("x", "hip_1", "vx", "wz")} == {0.01}
    named = deviations("noise=0.01,noise.rad/s=0.1,noise.wz=0,noise.qw=0.005")
    assert (named["x"], named["wx"], named["wz"], named["qw"], named["qx"]) == (0.01, 0.1, 0, 0.005, 0)
    assert not np.any([v for name, v in deviations("noise.x=0.5").items() if name != "x"])


@pytest.mark.parametrize(
    ("task", "text", "message"),
    [
        ("ant_maze", "noise.hip_7=1", r"noise.hip_7: 'ant_maze' observes no such element or unit; did you mean hip_\d"),
        ("ant_maze", "noise.km=1", r"\(elements: x, y, .*; units: 1, 1000 steps, m, m/s, rad, rad/s\)"),
        ("mountain_car", "noise=1", "no element of the observation of 'mountain_car' is in m, rad, m/s, rad/s; name"),
    ],
)
def test_noise_on_what_a_task_has_not_is_refused(task, text, message):
    with pytest.raises(TaskError, match=message):
        parse_randomisation(text).deviations(load_task(task))


def test_a_task_tells_it_in_a_line_that_changes_nothing_else():
    randomisation, plain = parse_randomisation("delay=0:0.06,noise.m/s=0.1"), TASK.to_yaml()
    told = told_with(plain, randomisation)
    assert told_in(told) == str(randomisation)
    assert (told_with(plain, NONE), told_in(plain)) == (plain, "")
    assert parse_task(told, "told") == TASK
    assert parse_task(told, "told").sha256 == TASK.sha256
