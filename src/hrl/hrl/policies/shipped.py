"""Policies that come with the project, and how the launch argument ``policy`` names one."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hrl_core.checkpoints.manifest import MANIFEST, read_manifest
from hrl_core.errors import CheckpointError
from hrl_core.task.spec import TaskSpec
from hrl_core.training.run_names import BEST_POLICY, CONFIG, POLICY

AUTO = "auto"
MAIN_POLICY = "hiro_ant_maze"
"""What runs when neither task nor policy is named."""


class ShippedPolicy(NamedTuple):
    """What the choice of a policy needs to know."""

    folder: Path
    task: str
    task_hash: str
    trained: bool
    env_steps: int


def policy_roots() -> list[Path]:
    """Folders of shipped policies: ``share/hrl/policies`` of every ament prefix, then the source tree's."""
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(":") if prefix]
    roots = [prefix / "share" / "hrl" / "policies" for prefix in prefixes]
    return [root for root in (*roots, Path(__file__).resolve().parents[2] / "policies") if root.is_dir()]


def shipped_policies() -> dict[str, ShippedPolicy]:
    """Shipped policies by name; of two with the same name the first root's counts."""
    found: dict[str, ShippedPolicy] = {}
    for root in policy_roots():
        for manifest in sorted(root.glob(f"*/{MANIFEST}")):
            found.setdefault(manifest.parent.name, _read(manifest))
    return found


def resolve_policy(policy: str, task: TaskSpec | None) -> Path:
    """Find the checkpoint folder that the argument ``policy`` means for ``task``.

    ``auto`` prefers trained policies, then the one with most training steps; without a task it is the main job's. Of a
    training run it is the best policy, or the newest before there is one.

    Raises:
        CheckpointError: there is none; the message says how to make one.
    """
    shipped = shipped_policies()
    if policy == AUTO and task is None:
        policy = MAIN_POLICY
    if policy == AUTO and task is not None:
        fitting = [p for p in shipped.values() if p.task_hash == task.sha256]
        if not fitting:
            raise CheckpointError(_no_policy(task, shipped))
        return max(fitting, key=lambda p: (p.trained, p.env_steps)).folder
    # No such user, a name that is too long: no folder either way.
    with suppress(OSError, RuntimeError, ValueError):
        folder = Path(policy).expanduser()
        if (folder / CONFIG).is_file():
            return _of_run(folder).resolve()
        if folder.is_dir():
            return folder.resolve()
    if policy in shipped:
        return shipped[policy].folder
    raise CheckpointError(
        f"policy '{policy[:200]}' is neither a folder nor a shipped policy; shipped: {', '.join(shipped) or 'none'}"
    )


def _of_run(run: Path) -> Path:
    """The best policy of a training run, or that of one which was stopped before its first evaluation."""
    found = next((run / name for name in (BEST_POLICY, POLICY) if (run / name).is_dir()), None)
    if found is None:
        raise CheckpointError(f"the run {run} has no policy yet: its first evaluation is still to come")
    return found


def _read(manifest: Path) -> ShippedPolicy:
    said = read_manifest(manifest.parent)
    return ShippedPolicy(manifest.parent, said.task, said.task_hash, said.trained, said.env_steps)


def _no_policy(task: TaskSpec, shipped: dict[str, ShippedPolicy]) -> str:
    names = [f"{name} (task {p.task}, hash {p.task_hash[:12]})" for name, p in shipped.items()]
    return (
        f"no shipped policy was made for task '{task.name}' (hash {task.sha256[:12]}); shipped: "
        f"{', '.join(names) or 'none'}. Make an untrained one with "
        f"`hrl policy init --task {task.name} --out DIR` and pass policy:=DIR"
    )
