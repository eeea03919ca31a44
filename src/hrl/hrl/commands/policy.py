"""``hrl policy``: make an untrained policy, look at one, ship one, bring an old one up to date, exchange a node."""

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from hrl.policies.export import HELD_OUT, README, export
from hrl.policies.held_out import Protocol
from hrl.policies.provenance import git_commit
from hrl.policies.shipped import resolve_policy, shipped_policies
from hrl.results.lines import tell
from hrl.results.tables import facts, show
from hrl.seed import Seed
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.checkpoints.manifest import FORMAT, MANIFEST, RANDOMISED, read_manifest
from hrl_core.checkpoints.tree_files import NODES, NodeManifest, swap_node
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import FIRST, FLAT, hierarchy_of
from hrl_core.hierarchy.text import hierarchy_in_words
from hrl_core.task.text import load_task
from hrl_core.whole_folders import writable
from hrl_core.wording import counted

_RANDOMISED = {RANDOMISED: "randomised training", HELD_OUT: "randomised held-out"}
"""What the provenance calls it, and what people do."""


@dataclass(frozen=True)
class Init:
    """Make an untrained policy with random weights."""

    task: str
    """Shipped task name or .yaml task specification."""
    out: Path
    """Folder to make."""
    seed: Seed = 0
    """Seed of the weights."""
    goal_space: str = FIRST
    """Where its subgoals lie, of the goal spaces of the task: first, smallest, or the name of one."""
    flat: bool = False
    """Without a manager: the worker pursues the task goal."""

    def run(self) -> int:
        """Write the checkpoint; refuses to overwrite."""
        if self.out.exists():
            raise HrlError(f"{self.out} exists already; remove it or choose another folder")
        task = load_task(self.task)
        hierarchy = FLAT if self.flat else hierarchy_of(task, self.goal_space)
        with writable(self.out):
            save_checkpoint(random_checkpoint(task, self.seed, git_commit(), hierarchy), self.out)
        tell(f"untrained policy for {self.task} written to {self.out}")
        return 0


@dataclass(frozen=True)
class Show:
    """Check a policy and print what it is."""

    policy: tyro.conf.Positional[str]
    """Policy folder, folder of a training run (its best policy), or shipped policy."""

    def run(self) -> int:
        """Load it, which checks hashes, shapes and numbers, and print its origin."""
        folder = resolve_policy(self.policy, None)
        checkpoint = load_checkpoint(folder)
        told = {name: checkpoint.provenance.get(key) for key, name in _RANDOMISED.items()}
        rows = {
            "task": f"{checkpoint.task.name} (hash {checkpoint.task.sha256[:12]})",
            "format": _told_format(read_manifest(folder).format),
            "algorithm": checkpoint.algorithm,
            "trained": "yes" if checkpoint.trained else "no, random weights",
            "version": str(checkpoint.version),
            "env steps": str(checkpoint.env_steps),
            "seed": str(checkpoint.seed),
            "git commit": checkpoint.git_commit or "unknown",
            "levels": hierarchy_in_words(checkpoint.hierarchy),
            **{name: str(text) for name, text in told.items() if text},
            **{f"node {name}": _told_origin(own) for name, own in checkpoint.provenance.get(NODES, {}).items()},
            **{f"metric {name}": f"{value:.12g}" for name, value in checkpoint.metrics.items()},
        }
        show(facts(str(folder), rows))
        return 0


@dataclass(frozen=True)
class Export:
    """Copy a policy with its held-out figures, ready to be shipped."""

    checkpoint: tyro.conf.Positional[str]
    """Policy folder, folder of a training run (its best policy), or shipped policy."""
    out: Path
    """Folder to make."""
    protocol: Annotated[Protocol, tyro.conf.arg(name="")] = field(default_factory=lambda: Protocol(episodes=200))

    def run(self) -> int:
        """Evaluate, then write policy and README; refuses to overwrite."""
        if self.out.exists():
            raise HrlError(f"{self.out} exists already; remove it or choose another folder")
        export(resolve_policy(self.checkpoint, None), self.out, self.protocol)
        tell(f"policy written to {self.out}")
        return 0


@dataclass(frozen=True)
class Convert:
    """Write a policy whose format, or whose task's, is an earlier one anew in the present one; it acts as before."""

    policy: tyro.conf.Positional[Path]
    """Checkpoint folder."""
    out: Path
    """Folder to make."""

    def run(self) -> int:
        """Write the checkpoint, with its README; refuses to overwrite, and what needs no converting."""
        if self.out.exists():
            raise HrlError(f"{self.out} exists already; remove it or choose another folder")
        checkpoint, found = load_checkpoint(self.policy), read_manifest(self.policy).format
        if found == FORMAT and checkpoint.task.earlier is None:
            raise HrlError(f"{self.policy} is of format {FORMAT}, the present one; there is nothing to convert")
        with writable(self.out):
            save_checkpoint(checkpoint, self.out)
            if (self.policy / README).is_file():
                shutil.copyfile(self.policy / README, self.out / README)
        tell(f"{self.policy}, format {found}, written to {self.out}, format {FORMAT}")
        return 0


@dataclass(frozen=True)
class Swap:
    """Exchange one node of a tree, after checking that it fits; the files of all others stay as they are."""

    tree: tyro.conf.Positional[Path]
    """Folder of a policy that is a tree, or of its training run; a shipped one is copied first."""
    node: tyro.conf.Positional[str]
    """Name of the node that goes."""
    source: tyro.conf.Positional[Path]
    """What comes: folder of a node, of a tree that has one of that name, or of its training run."""

    def run(self) -> int:
        """Exchange it, or refuse and change nothing."""
        folder = self._folder()
        before, readme = read_manifest(folder), (folder / README).exists()
        source = self.source if (self.source / MANIFEST).is_file() else resolve_policy(str(self.source), None)
        with writable(folder):
            old, new = swap_node(folder, self.node, source)
        if old == new:
            tell(f"{folder}: {self.node}: {_told_node(old)} is there already; nothing has changed")
            return 0
        after = read_manifest(folder)
        gone = _told_gone(readme, len(before.metrics) - len(after.metrics))
        tell(
            f"{folder}: {self.node}: {_told_node(old)} -> {_told_node(new)}; {gone}version {after.version}, whose "
            f"figures nobody has measured yet: hrl policy export"
        )
        return 0

    def _folder(self) -> Path:
        """Folder of the tree, which is rewritten: never one that is found by the name of a shipped policy."""
        if self.tree.is_dir():
            return resolve_policy(str(self.tree.absolute()), None)
        name = str(self.tree)
        if (found := shipped_policies().get(name)) is not None:
            copy = shlex.join(["cp", "-r", str(found.folder), f"my_{name}"])
            raise HrlError(f"'{name}' is a shipped policy, which stays as it is: {copy}, then exchange in my_{name}")
        raise HrlError(f"there is no folder {name}: give that of a policy that is a tree, or of its training run")


def _told_node(node: NodeManifest) -> str:
    return f"{node.weights_sha256[:12]} ({node.env_steps} steps, seed {node.seed})"


def _told_gone(readme: bool, figures: int) -> str:
    """What was of the tree as it was."""
    gone = ([README] if readme else []) + ([counted(figures, "figure")] if figures else [])
    return f"removed, for they told of the tree before: {' and '.join(gone)}; " if gone else ""


def _told_origin(origin: Mapping[str, Any]) -> str:
    return f"{origin['env_steps']} steps, {origin['version']} updates, seed {origin['seed']}"


def _told_format(number: int) -> str:
    return str(number) if number == FORMAT else f"{number}, an earlier one: hrl policy convert writes it anew"


def policy(words: list[str]) -> int:
    """Run ``hrl policy`` with the words that follow it; returns the exit code."""
    return tyro.cli(Init | Show | Export | Convert | Swap, prog="hrl policy", description=__doc__, args=words).run()
