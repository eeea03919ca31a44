"""The figures of docs/results.md on skill trees in Lane Drive: one seed a call, one line of JSON a figure.

`python tools/lane_drive_tables.py tree --seed 0 --out DIR` trains a tree, exchanges nodes, examines what comes of it;
`flat` trains the flat counterpart; `leaves` has each leaf of a trained tree of DIR be a bad one in turn. An examination
is 500 roads, the same for all.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hrl_core.algorithms.flat.config import OnPolicyFlatConfig
from hrl_core.algorithms.flat.on_policy import OnPolicyLearner
from hrl_core.algorithms.tree.cars import LessonCars
from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.exams import ROADS, SEED, examine, networks_of
from hrl_core.algorithms.tree.learner import TreeLearner, environments, hierarchy
from hrl_core.algorithms.tree.lessons import DRIVE, LESSONS
from hrl_core.algorithms.tree.nodes import kept_nodes, tree_of
from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hrl_core.checkpoints.manifest import read_manifest
from hrl_core.checkpoints.tree_files import NODES, read_node, swap_node
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.task.text import load_task

TASK = load_task("lane_drive")
CARS = 64
NAV_INTERVAL = 8_000
"""Steps between examinations of the controller while it learns."""
FLAT_STEPS, FLAT_INTERVAL = 2_000_000, 100_000
BAD = 12_000
"""Steps of training of a leaf that is to be bad."""
FLAT = OnPolicyFlatConfig(
    worker=OnPolicyConfig(activation="relu", lr=3e-4, epochs=6, batch_size=512, entropy_weight=0.02),
    rollout_steps=4_096,
)


class Log:
    """Prints and keeps figures."""

    def __init__(self, path: Path, seed: int) -> None:
        """Begin a file anew."""
        self._path, self._seed = path, seed
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    def __call__(self, what: str, **figures: object) -> None:
        """Add a line."""
        line = json.dumps({"what": what, "seed": self._seed, **figures})
        print(line, flush=True)
        with self._path.open("a") as file:
            file.write(line + "\n")


def checkpoint(learner: TreeLearner, nodes: dict[str, Any], seed: int) -> Checkpoint:
    """The policy of the nodes."""
    return Checkpoint(
        task=TASK,
        hierarchy=hierarchy(TASK, TreeConfig()),
        algorithm="tree",
        trained=True,
        version=sum(node.updates for node in nodes.values()),
        env_steps=sum(node.env_steps for node in nodes.values()),
        seed=seed,
        git_commit="",
        actors={name: node.actor for name, node in nodes.items()},
        weights={f"{name}.{key}": array for name, node in nodes.items() for key, array in node.weights.items()},
        provenance={NODES: {name: node.origin for name, node in nodes.items()}},
    )


def train(config: TreeConfig, seed: int, log: Log) -> TreeLearner:
    """Train nodes as `hrl train --algorithm tree` does, examining each when it is done, the controller also before."""
    cars = environments(TASK, config, CARS, seed)
    learner, begun, untrained = (
        TreeLearner(TASK, config, cars, seed),
        time.process_time(),
        kept_nodes(TASK, config, tree_of(TASK, config)),
    )
    node, steps, examined = learner.name, 0, 0
    while True:
        learner.observe(cars.step(learner.act()))
        steps += CARS
        before = dict(learner.nodes)
        for _ in learner.update():
            before = dict(learner.nodes) if learner.name == node else before
        if node == "Nav" and learner.name == node and steps // NAV_INTERVAL > examined:
            examined, paused = steps // NAV_INTERVAL, time.process_time()
            plain = {name: (n.actor, n.weights) for name, n in ({**before, "Avoid": untrained["Avoid"]}).items()}
            log("controller", steps=steps, success=examine(TASK, learner.tree, plain, obstacles="none"))
            begun += time.process_time() - paused
        if learner.name == node and steps < learner.lesson_steps:
            continue
        cpu = time.process_time() - begun
        networks = {name: (n.actor, n.weights) for name, n in before.items()}
        log("node", node=node, steps=steps, cpu=round(cpu, 1), success=examine(TASK, learner.tree, networks, node))
        if learner.name == node:
            return learner
        node, steps, begun = learner.name, 0, time.process_time()


def hashes(folder: Path) -> dict[str, str]:
    """Of the weights of every node."""
    return {name: read_node(folder / place).said.weights_sha256 for name, place in read_manifest(folder).nodes.items()}


def tree(seed: int, out: Path, share: float) -> None:
    """A tree, and what becomes of it when nodes are exchanged."""
    log, config = Log(out / f"tree_{seed}.jsonl", seed), TreeConfig(share=share)
    learner = train(config, seed, log)
    whole, plain = out / f"tree_{seed}" / "whole", out / f"tree_{seed}" / "plain"
    save_checkpoint(checkpoint(learner, learner.nodes, seed), whole)
    untrained = kept_nodes(TASK, config, learner.tree)["Avoid"]
    save_checkpoint(checkpoint(learner, {**learner.nodes, "Avoid": untrained}, seed), plain)

    def told(what: str, folder: Path) -> None:
        networks = networks_of(load_checkpoint(folder))
        for obstacles in ("none", "clear"):
            log(what, obstacles=obstacles, success=examine(TASK, learner.tree, networks, obstacles=obstacles))

    told("Avoid always keeps its lane", plain)
    before = hashes(plain)
    swap_node(plain, "Avoid", whole)
    after = hashes(plain)
    log("exchanged", nodes=[name for name in before if before[name] != after[name]])
    told("Avoid exchanged, nothing trained", plain)
    swap_node(plain, "ChangeLeft", bad_leaf("ChangeLeft", seed, plain, Log(out / f"bad_{seed}.jsonl", seed)))
    told("ChangeLeft bad", plain)
    swap_node(plain, "ChangeLeft", whole)
    told("ChangeLeft good again", plain)
    log("as before", same=hashes(plain) == after)


def bad_leaf(leaf: str, seed: int, folder: Path, log: Log) -> Path:
    """A tree whose leaf has hardly been trained, beside the one in ``folder``."""
    bad = train(TreeConfig(tree=str(folder), node=leaf, share=BAD / LESSONS[leaf].steps), seed, log)
    out = folder.parent / "bad"
    save_checkpoint(checkpoint(bad, bad.nodes, seed), out)
    return out


def leaves(seed: int, out: Path, share: float) -> None:
    """What each leaf is worth: the tree with obstacles when it is bad, and with the good one back."""
    del share
    log, whole = Log(out / f"leaves_{seed}.jsonl", seed), out / f"tree_{seed}" / "whole"
    mended = out / f"tree_{seed}" / "mended"
    good, tree = hashes(whole), tree_of(TASK, TreeConfig())
    for leaf in tree.leaves:
        shutil.copytree(whole, mended, dirs_exist_ok=True)
        swap_node(mended, leaf, bad_leaf(leaf, seed, whole, log))
        bad = examine(TASK, tree, networks_of(load_checkpoint(mended)), obstacles="clear")
        swap_node(mended, leaf, whole)
        back = examine(TASK, tree, networks_of(load_checkpoint(mended)), obstacles="clear")
        log("bad leaf", node=leaf, bad=bad, good_again=back, same=hashes(mended) == good)


def flat(seed: int, out: Path, share: float) -> None:
    """One policy for the whole task, whose episodes begin anywhere on the road in seven of ten cases."""
    log, cars = Log(out / f"flat_{seed}.jsonl", seed), LessonCars(CARS, seed, "Nav")
    cars.assign("Nav", "clear")
    learner, begun, steps = OnPolicyLearner(TASK, FLAT, cars, seed), time.process_time(), 0
    while steps < share * FLAT_STEPS:
        learner.observe(cars.step(learner.act()))
        steps += CARS
        for _ in learner.update():
            pass
        if steps // FLAT_INTERVAL > (steps - CARS) // FLAT_INTERVAL:
            paused = time.process_time()
            figures = {where: examine_flat(learner, where) for where in ("none", "clear")}
            begun += time.process_time() - paused
            log("flat", steps=steps, cpu=round(time.process_time() - begun, 1), **figures)


def examine_flat(learner: OnPolicyLearner, obstacles: str) -> float:
    """As `examine`, of a flat policy."""
    cars = LessonCars(ROADS, SEED, DRIVE)
    cars.assign(DRIVE, obstacles)
    agent, head = learner.agent, learner.agent.head()
    running, succeeded = np.ones(ROADS, np.bool_), np.zeros(ROADS, np.bool_)
    while running.any():
        inputs = np.concatenate((cars.states, cars.goals), axis=1, dtype=np.float32)
        step = cars.step(head.greedy(agent.outputs(inputs)))
        succeeded |= running & step.successes
        running &= ~step.ended
    return float(succeeded.mean())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["tree", "flat", "leaves"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="of the steps of all training")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    {"tree": tree, "flat": flat, "leaves": leaves}[given.what](given.seed, given.out, given.share)


if __name__ == "__main__":
    main()
