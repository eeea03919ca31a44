"""What a run has learned: OUT/learning.json and a table."""

from typing import Any

from rich.console import Console

from hrl.graphs.run_folder import RunFolder, write_json
from hrl.results.tables import facts, show
from hrl_core.training.run_files import RunFolder as TrainingFolder

NAME = "learning.json"
_ROWS = {
    "worker/updates": "worker updates",
    "manager/updates": "manager updates",
    "env_steps": "environment steps learned from",
    "segments": "bags",
    "update_ratio": "updates per step",
    "policy_lag_p50": "policy lag, median [updates]",
    "relabelled_subgoals": "relabelled subgoals",
    "steps_left_out": "steps left out",
    "live/success_rate": "success of the newest episodes",
    "live/return": "return of the newest episodes",
}


def write_learning_summary(folder: RunFolder, console: Console) -> dict[str, Any]:
    """Write and print what the trainer has reached."""
    training = folder.path / "training"
    rows = TrainingFolder(training).metrics()
    newest = rows[-1] if rows else {}
    summary = {name: newest.get(name) for name in _ROWS}
    policies = sorted(path.name for path in (training / "policies").glob("v*"))
    summary["policies"] = policies
    summary["policy"] = str(training / "last") if (training / "last").is_dir() else None
    write_json(folder.path / NAME, summary)
    shown = {title: _shown(summary[name]) for name, title in _ROWS.items()}
    shown["policies kept"] = f"{len(policies)}, the newest {policies[-1]}" if policies else "none"
    shown["policy"] = summary["policy"] or "none was saved"
    show(facts("What was learned", shown), console)
    return summary


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
