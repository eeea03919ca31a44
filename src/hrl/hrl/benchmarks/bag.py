"""Bags: rates of writing and reading, ours against message by message, and the time a day of recording takes."""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rich.console import Console
from rosbags.highlevel import AnyReader

from hrl.benchmarks import bag_relabel
from hrl.benchmarks.machine import machine
from hrl_core.bags.reader import read_bags
from hrl_core.bags.writer import BagWriter, typestore_with
from hrl_core.hierarchy.spec import LevelSpec, hierarchy_of
from hrl_core.messages import NAN, NO_VECTOR, Action, Observation, SegmentEnd, Subgoal, SubgoalKind, SubgoalResult
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_ros import messages
from hrl_ros.message_texts import message_texts

Message = tuple[str, bytes]
TYPES = {"/observation": "Observation", "/action": "Action", "/subgoal": "Subgoal", "/subgoal_result": "SubgoalResult"}
RUN, ROBOT, FRAME = 7, "robot", "odom"


@dataclass(frozen=True)
class BagBenchmark:
    """Write and read bags of Ant Maze messages with random content, which does not compress."""

    repeats: int = 5
    """Turns; each writes and reads one bag in every way."""
    steps: int = 20_000
    """Environment steps of that bag."""
    day: int = 864_000
    """Environment steps of a day at 10 Hz, read once; 0: not measured."""
    slow_messages: int = 10_000
    """Messages after which mcap-ros2-support may stop."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print one JSON object and nothing else."""


def run(options: BagBenchmark) -> dict[str, Any]:
    """Measure; figures are messages per second, the ratio is the median over the turns."""
    task, console = load_task("AntMaze"), Console(stderr=True, quiet=options.json)
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        content = list(_messages(task, options.steps))
        size = sum(len(data) for _, data in content) / 1e6
        for turn in range(options.repeats):
            bag = Path(folder) / f"bag{turn}"
            rates = {"write": len(content) / _write(bag, content), **_read_rates(bag, len(content), options)}
            for name, rate in rates.items():
                figures.setdefault(name, []).append(rate)
            shown = ", ".join(f"{name} {rate / 1e3:.0f}" for name, rate in rates.items())
            console.print(f"turn {turn + 1}/{options.repeats}, thousand messages/s: {shown}")
        relabelling = bag_relabel.measure(task, Path(folder) / "bag0")
        day = _day(task, options.day, Path(folder) / "day") if options.day else {}
    medians = {name: statistics.median(values) for name, values in figures.items()}
    per_message = size / len(content)
    ratios = [ours / theirs for ours, theirs in zip(figures["arrays"], figures["mcap_ros2"], strict=True)]
    return {
        "name": "bag",
        "ratio": statistics.median(ratios),
        "unit": "messages/s",
        **medians,
        "write_mb_per_s": medians["write"] * per_message,
        "arrays_mb_per_s": medians["arrays"] * per_message,
        **relabelling,
        **day,
        "turns": figures,
        "messages": len(content),
        "bytes_per_message": 1e6 * per_message,
        "machine": machine(),
    }


def main(arguments: Sequence[str]) -> None:
    """Parse, measure, print."""
    options = tyro.cli(BagBenchmark, args=arguments, prog="hrl bench bag")
    outcome = run(options)
    if options.json:
        sys.stdout.write(json.dumps(outcome) + "\n")
        return
    names = {
        "write": "write",
        "arrays": "bag to arrays, checked",
        "rosbags_raw": "rosbags, undecoded",
        "rosbags": "rosbags, decoded",
        "mcap_ros2": "mcap-ros2-support, decoded",
    }
    for name, text in names.items():
        Console().print(f"{text}: {outcome[name] / 1e3:.0f} thousand messages/s", highlight=False)
    Console().print(f"bag to arrays {outcome['ratio']:.1f} times mcap-ros2-support", highlight=False)
    text = f"relabelling a bag {outcome['relabel_ratio']:.2f} times as fast as the same search over episodes in memory"
    Console().print(text, highlight=False)
    if options.day:
        Console().print(f"{options.day} steps of recording read in {outcome['day_read_s']:.1f} s", highlight=False)


def _write(bag: Path, content: Sequence[Message]) -> float:
    """Seconds to write messages, file closed and synchronised."""
    started = time.perf_counter()
    _record(bag, iter(content))
    return time.perf_counter() - started


def _record(bag: Path, content: Iterator[Message]) -> None:
    writer = BagWriter(bag, typestore_with(message_texts()))
    for topic, kind in TYPES.items():
        writer.add_topic(topic, f"hrl_msgs/msg/{kind}", latched=False)
    for stamp, (topic, data) in enumerate(content):
        writer.write(topic, stamp, data)
    writer.close({})


def _read_rates(bag: Path, count: int, options: BagBenchmark) -> dict[str, float]:
    started = time.perf_counter()
    recording = read_bags([bag])
    rates = {"arrays": count / (time.perf_counter() - started)}
    if recording.problems or sum(e.steps for e in recording.episodes) != options.steps:
        raise AssertionError(f"the bag was not read whole: {recording.problems[:1]}")
    with AnyReader([bag]) as reader:
        started = time.perf_counter()
        for _ in reader.messages():
            pass
        rates["rosbags_raw"] = count / (time.perf_counter() - started)
        started = time.perf_counter()
        for connection, _, raw in reader.messages():
            reader.deserialize(raw, connection.msgtype)
        rates["rosbags"] = count / (time.perf_counter() - started)
    with next(bag.glob("*.mcap")).open("rb") as stream:
        started = time.perf_counter()
        decoded = make_reader(stream, decoder_factories=[DecoderFactory()]).iter_decoded_messages()
        slow = sum(1 for _ in islice(decoded, options.slow_messages))
        rates["mcap_ros2"] = slow / (time.perf_counter() - started)
    return rates


def _day(task: TaskSpec, steps: int, bag: Path) -> dict[str, float]:
    _record(bag, _messages(task, steps))
    started = time.perf_counter()
    recording = read_bags([bag])
    seconds = time.perf_counter() - started
    assert sum(e.steps for e in recording.episodes) == steps
    return {"day_steps": steps, "day_messages": recording.messages, "day_read_s": seconds}


def _messages(task: TaskSpec, steps: int) -> Iterator[Message]:
    """Everything that manager, worker and simulator say in ``steps`` steps, encoded."""
    rng, level = np.random.default_rng(0), hierarchy_of(task).levels[0]
    for episode, first in enumerate(range(0, steps, task.max_episode_steps)):
        length = min(task.max_episode_steps, steps - first)
        states = rng.standard_normal((length + 1, len(task.observation)))
        actions = rng.standard_normal((length + 1, len(task.action)))
        for step in range(length + 1):
            stamp, last = (first + step) * 100_000_000, step == length
            yield (
                "/observation",
                messages.OBSERVATION.encode(
                    _observation(task, stamp, episode, step, states[step], states[0, :2], actions[step], last)
                ),
            )
            if step % level.horizon == 0 and step:
                yield "/subgoal_result", messages.SUBGOAL_RESULT.encode(_result(level, stamp, episode, step, last))
            if last:
                break
            if step % level.horizon == 0:
                yield "/subgoal", messages.SUBGOAL.encode(_subgoal(level, stamp, episode, step, states[step]))
            yield (
                "/action",
                messages.ACTION.encode(
                    Action(stamp, "", RUN, ROBOT, episode, step, actions[step], step // level.horizon, stamp, NAN, 1)
                ),
            )


def _observation(
    task: TaskSpec,
    stamp: int,
    episode: int,
    step: int,
    state: np.ndarray,
    goal: np.ndarray,
    action: np.ndarray,
    last: bool,
) -> Observation:
    return Observation(
        stamp=stamp,
        frame=FRAME,
        run=RUN,
        robot=ROBOT,
        episode=episode,
        step=step,
        state=state,
        achieved_goal=state[:2],
        desired_goal=goal,
        reward=-1.0,
        success=False,
        first=step == 0,
        terminated=False,
        truncated=last,
        mode=0,
        applied_action=action if step else NO_VECTOR,
        action_source=0,
        task_hash=task.hash64,
    )


def _subgoal(level: LevelSpec, stamp: int, episode: int, step: int, state: np.ndarray) -> Subgoal:
    return Subgoal(
        stamp=stamp,
        frame=FRAME,
        run=RUN,
        robot=ROBOT,
        episode=episode,
        step=step,
        seq=step // level.horizon,
        parent_seq=-1,
        level=0,
        kind=SubgoalKind.RELATIVE,
        value=state[: level.dim],
        anchor=state[: level.dim],
        skill_id=-1,
        num_skills=0,
        space=level.space,
        task_goal=state[:2],
        horizon=level.horizon,
        horizon_unit=0,
        tolerance=NO_VECTOR,
        end_when_achieved=False,
        worker_may_terminate=False,
        test=False,
        deterministic=False,
        log_probability=NAN,
        value_estimate=NAN,
        policy_version=1,
    )


def _result(level: LevelSpec, stamp: int, episode: int, step: int, last: bool) -> SubgoalResult:
    end = SegmentEnd.TRUNCATED if last else SegmentEnd.HORIZON
    seq, period, nowhere = step // level.horizon - 1, level.horizon, np.zeros(level.dim)
    return SubgoalResult(stamp, FRAME, RUN, ROBOT, episode, 0, seq, step, period, end, 0, nowhere, 0.0, 0.0, 0.0, ())
