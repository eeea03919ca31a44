"""What a run has learned: OUT/learning.json and a table."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hrl.run_folder import RunFolder, write_json
from hrl_core.training.run_files import RunFolder as TrainingFolder

NAME = "learning.json"
_ROWS = {
    "worker/updates": "worker updates",
    "manager/updates": "manager updates",
    "env_steps": "environment steps learned from",
    "segments": "segments",
    "update_ratio": "updates per step",
    "policy_lag_p50": "policy lag, median [updates]",
    "relabelled_subgoals": "relabelled subgoals",
    "steps_left_out": "steps left out",
    "live/success_rate": "success of the newest episodes",
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
    table = Table(title="What was learned", show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, title in _ROWS.items():
        value = summary[name]
        table.add_row(title, "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value))
    table.add_row("policies kept", f"{len(policies)}, the newest {policies[-1]}" if policies else "none")
    table.add_row("policy", Text(summary["policy"] or "none was saved"))
    console.print(table)
    return summary
