"""``hrl bag import``: demonstrations of another data set as a bag."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rclpy.serialization import serialize_message
from rich.console import Console

from hrl_core.bags.facts import BagFacts
from hrl_core.bags.writer import BagWriter, typestore_with
from hrl_core.exports.folder import refuse_existing
from hrl_core.hierarchy.spec import FLAT
from hrl_core.imports.episodes import ImportedEpisode, fingerprint, imported
from hrl_core.imports.formats import source_named
from hrl_core.imports.messages import ROBOT, messages_of
from hrl_core.messages import Action, EpisodeResult, Observation
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_core.wording import counted
from hrl_msgs import msg
from hrl_ros import messages, topics
from hrl_ros.message_texts import message_texts

_CODECS = {
    Observation: (topics.OBSERVATION, messages.OBSERVATION),
    Action: (topics.ACTION, messages.ACTION),
    EpisodeResult: (topics.EPISODE_RESULT, messages.EPISODE_RESULT),
}


@dataclass(frozen=True)
class Import:
    """Make a bag of demonstrations (mode DEMO) of a data set of other tools."""

    source: tyro.conf.Positional[Path]
    """The data set: Minari's or LeRobot's folder, robomimic's .hdf5 file."""
    form: Annotated[str, tyro.conf.arg(name="from")]
    """minari, lerobot or robomimic."""
    task: str
    """Task name or .yaml that the episodes are of."""
    out: Path
    """Bag directory to make."""
    keys: tuple[str, ...] = ()
    """What the task's observation is made of, in its order, by the data set's own names; none: the usual name."""

    def run(self) -> int:
        """Exit code 0: everything is imported."""
        source, task = source_named(self.form), load_task(self.task)
        refuse_existing(self.out)
        episodes = list(imported(task, source.read(self.source, self.keys), str(self.source)))
        sha256 = fingerprint(episodes)
        self.out.parent.mkdir(parents=True, exist_ok=True)
        write_bag(self.out, task, episodes, int(sha256[:16], 16), f"{self.form} {self.source.name}, sha256 {sha256}")
        steps, succeeded = sum(episode.steps for episode in episodes), sum(bool(e.success[-1]) for e in episodes)
        Console(soft_wrap=True, highlight=False).print(
            f"{counted(len(episodes), 'demonstration')} with {counted(steps, 'step')} of {task.name}, "
            f"{succeeded} successful -> {self.out}",
            markup=False,
        )
        return 0


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
