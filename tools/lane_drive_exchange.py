"""Success before and after one node of a tree is exchanged in a running graph, of docs/results.md: one line of JSON.

`python tools/lane_drive_exchange.py --out DIR` starts a graph with the shipped tree, but for a composite `Avoid` that
has learned nothing and so always keeps its lane, announces the tree with the shipped one after so many episodes, and
goes on for as many more. What is told is read from the recording: which version chose, how each episode went.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
from aftermath import HeardStack

from hrl.launching.environment import ensure_ros_environment
from hrl.policies.shipped import resolve_policy
from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.nodes import kept_nodes
from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.reader import read_bags
from hrl_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from hrl_core.checkpoints.manifest import read_manifest
from hrl_core.checkpoints.tree_files import NODES, read_node, swap_node
from hrl_core.prefixed import prefixed
from hrl_core.statistics import wilson_interval
from hrl_msgs import msg
from hrl_ros import qos, topics
from hrl_training.announcing import policy_update

SHIPPED, NODE = "tree_lane_drive", "Avoid"
LIMIT = 600.0
"""Longest time [s] for half of the episodes."""


def trees(out: Path) -> tuple[Path, Path]:
    """The shipped tree with an untrained node, and the same with the shipped node in its place."""
    shipped = resolve_policy(SHIPPED, None)
    tree = load_checkpoint(shipped)
    assert tree.hierarchy.tree is not None
    untrained = kept_nodes(tree.task, TreeConfig(), tree.hierarchy.tree)[NODE]
    kept = {name: array for name, array in tree.weights.items() if not name.startswith(f"{NODE}.")}
    before, after = out / "before", out / "after"
    bad = dataclasses.replace(
        tree,
        actors={**tree.actors, NODE: untrained.actor},
        weights={**kept, **prefixed(f"{NODE}.", untrained.weights)},
        provenance={**tree.provenance, NODES: {**tree.provenance[NODES], NODE: untrained.origin}},
    )
    save_checkpoint(bad, before)
    shutil.copytree(before, after)
    swap_node(after, NODE, shipped)
    return before, after


def hashes(folder: Path) -> dict[str, str]:
    """Of the weights of every node."""
    return {name: read_node(folder / place).said.weights_sha256 for name, place in read_manifest(folder).nodes.items()}


def drive(before: Path, after: Path, out: Path, episodes: int, seed: int) -> None:
    """Run so many episodes, announce the node, run as many more; the run lies in ``out``."""
    words = [f"policy:={before}", "episodes:=0", f"seed:={seed}"]
    stack = HeardStack(out, words, "policy.launch.py")
    results: list[int] = []
    switched: list[int] = []
    version = read_manifest(after).version

    def heard(state: msg.PolicyState) -> None:
        if state.in_force.version == version and not switched:
            switched.append(len(results))

    def ended(result: msg.EpisodeResult) -> None:
        results.append(result.episode)

    stack.node.create_subscription(msg.EpisodeResult, topics.EPISODE_RESULT, ended, qos.event())
    stack.node.create_subscription(msg.PolicyState, topics.POLICY_STATE, heard, qos.latched(qos.RIVALS))
    publisher = stack.node.create_publisher(msg.PolicyUpdate, topics.POLICY_UPDATE, qos.latched())
    update = policy_update(load_checkpoint(after), after, 0)
    update.party = NODE
    heard_all = stack.until(lambda: len(results) >= episodes, LIMIT)
    publisher.publish(update)
    # One more than needed: the one that runs when the word comes may count for either.
    heard_all = heard_all and stack.until(lambda: switched and len(results) > switched[0] + episodes, LIMIT)
    stack.process.send_signal(signal.SIGINT)
    code, output = stack.end(60)
    if not heard_all or code:
        sys.exit(f"the graph did not come so far (exit code {code}):\n{output[-3000:]}")


def version_of(episode: BagEpisode) -> int:
    """Of the manager, which has all composites; one in an episode."""
    (version,) = {int(v) for table in episode.subgoals.values() for v in table.policy_versions}
    return version


def told(episodes: list[BagEpisode]) -> dict[str, Any]:
    """How they went, with Wilson's interval."""
    won = sum(bool(episode.success[-1]) for episode in episodes)
    low, high = wilson_interval(won / len(episodes), len(episodes))
    return {
        "episodes": len(episodes),
        "success": round(won / len(episodes), 3),
        "interval": [round(low, 3), round(high, 3)],
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=60, help="before the exchange, and after it")
    parser.add_argument("--seed", type=int, default=0, help="of the roads")
    parser.add_argument("--out", type=Path, required=True, help="folder, made new")
    given = parser.parse_args()
    ensure_ros_environment()
    given.out.mkdir(parents=True)
    before, after = trees(given.out)
    drive(before, after, given.out / "run", given.episodes, given.seed)
    recording = read_bags([given.out / "run" / "bag"])
    versions = [read_manifest(folder).version for folder in (before, after)]
    halves = [[e for e in recording.episodes if e.finished and version_of(e) == version] for version in versions]
    ours, theirs = hashes(before), hashes(after)
    workers = np.unique(np.concatenate([episode.policy_versions for episode in recording.episodes]))
    figures = {
        "before": told(halves[0][: given.episodes]),
        "after": told(halves[1][: given.episodes]),
        "exchanged": [name for name in ours if ours[name] != theirs[name]],
        "same_hash": sum(ours[name] == theirs[name] for name in ours),
        "worker_versions": workers.tolist(),
        "problems": [str(problem) for problem in recording.problems],
        "lost_messages": json.loads((given.out / "run" / "summary.json").read_text())["lost_messages"],
        "seed": given.seed,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
