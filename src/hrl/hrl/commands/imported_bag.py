"""Writes demonstrations of another data set as a bag, as the recorder would have."""

import time
from collections.abc import Sequence
from pathlib import Path

from rclpy.serialization import serialize_message

from hrl_core.bags.facts import BagFacts
from hrl_core.bags.writer import BagWriter, typestore_with
from hrl_core.hierarchy.spec import FLAT
from hrl_core.imports.episodes import ImportedEpisode
from hrl_core.imports.messages import ROBOT, messages_of
from hrl_core.messages import Action, EpisodeResult, Observation
from hrl_core.task.spec import TaskSpec
from hrl_msgs import msg
from hrl_ros import messages, topics
from hrl_ros.message_texts import message_texts

_CODECS = {
    Observation: (topics.OBSERVATION, messages.OBSERVATION),
    Action: (topics.ACTION, messages.ACTION),
    EpisodeResult: (topics.EPISODE_RESULT, messages.EPISODE_RESULT),
}


def write_bag(out: Path, task: TaskSpec, episodes: Sequence[ImportedEpisode], run: int, origin: str) -> None:
    """Write demonstrations as a bag of one run.

    Args:
        out: bag directory to be.
        task: what they are of.
        episodes: at least one.
        run: id of the run.
        origin: where they come from, in words.
    """
    info = msg.RunInfo(run=run, robot=ROBOT, task=task.to_yaml(), task_hash=task.sha256)
    info.hierarchy, info.hierarchy_hash = FLAT.to_yaml(), FLAT.sha256
    now = time.time_ns()
    info.header.stamp = messages.to_time(now)
    facts = BagFacts(info=info, imported_from=origin)
    writer = BagWriter(out, typestore_with(message_texts()))
    names = {topics.RUN_INFO: "RunInfo"} | {topic: kind.__name__ for kind, (topic, _) in _CODECS.items()}
    for topic, kind in names.items():
        writer.add_topic(f"/{topic}", f"hrl_msgs/msg/{kind}", latched=topic == topics.RUN_INFO)
    writer.write(f"/{topics.RUN_INFO}", now, serialize_message(info))
    period = round(task.control_period * 1e9)
    steps = 0
    for number, episode in enumerate(episodes):
        for message in messages_of(task, episode, run, number, steps * period):
            topic, codec = _CODECS[type(message)]
            writer.write(f"/{topic}", now + message.stamp, codec.encode(message))
            if isinstance(message, EpisodeResult):
                facts.results.append(message)
        steps += episode.steps + 1
    writer.close(facts.custom_data())
