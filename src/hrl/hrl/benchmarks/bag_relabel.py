"""Relabelling a bag, read and written again, against the same search over episodes that are in memory."""

import tempfile
import time
from pathlib import Path

import numpy as np

from hrl_core.algorithms.hiro.relabel_bags import Relabeler
from hrl_core.algorithms.hiro.relabel_episodes import relabel_episodes
from hrl_core.bags.reader import read_bags
from hrl_core.checkpoints.checkpoint import random_checkpoint
from hrl_core.task.spec import TaskSpec
from hrl_core.threads import limit_threads
from hrl_ros.message_texts import message_texts

REPETITIONS = 5


def measure(task: TaskSpec, bag: Path) -> dict[str, float]:
    """Transitions per second, best of several turns: from the bag with everything, and of the search alone."""
    worker = random_checkpoint(task, 0)
    space = worker.goal_space()
    episodes = read_bags([bag]).episodes
    from_bag, in_memory, transitions = [], [], 0
    with tempfile.TemporaryDirectory() as folder, limit_threads(1):
        for turn in range(REPETITIONS):
            relabeler = Relabeler(worker, message_texts())
            started = time.perf_counter()
            transitions = relabeler.relabel(bag, Path(folder) / str(turn)).transitions
            from_bag.append(time.perf_counter() - started)
            started = time.perf_counter()
            relabel_episodes(space, episodes, relabeler.policy())
            in_memory.append(time.perf_counter() - started)
    return {
        "relabel_from_bag_per_s": transitions / np.min(from_bag),
        "relabel_in_memory_per_s": transitions / np.min(in_memory),
        "relabel_ratio": float(np.min(in_memory) / np.min(from_bag)),
    }
