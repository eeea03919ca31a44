"""Success of the shipped policy on the fake robot against latency, jitter and loss: the table of docs/real_robot.md.

`.venv/bin/python tools/latency_table.py --episodes 20` runs one stack per row. Times are those of the robot's physics:
at real-time factor f the transport is f times shorter in wall time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from hrl_robot.robot_config import load_robot

HRL = Path(sys.executable).with_name("hrl")
ROWS = (
    (0.0, 0.0, 0.0),
    (0.02, 0.0, 0.0),
    (0.05, 0.0, 0.0),
    (0.1, 0.0, 0.0),
    (0.02, 0.03, 0.0),
    (0.0, 0.0, 0.05),
    (0.0, 0.0, 0.2),
    (0.02, 0.02, 0.05),
)
"""Latency each way [s], greatest jitter [s], share of messages lost each way."""


def measure(row: tuple[float, float, float], arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run one stack; what became of its episodes."""
    latency, jitter, dropout = row
    shipped = yaml.safe_load((Path(arguments.config)).read_text())
    factor = arguments.rtf
    shipped["fake"] |= {"latency": latency / factor, "jitter": jitter / factor, "dropout": dropout}
    config, out = folder / "robot.yaml", folder / "out"
    config.write_text(yaml.safe_dump(shipped))
    load_robot(str(config))
    words = ["robot:=real", f"robot_config:={config}", f"rtf:={factor}", f"episodes:={arguments.episodes}"]
    command = [str(HRL), "launch", "hiro_ant.launch.py", *words, f"out:={out}", "record:=false"]
    command += [f"policy:={arguments.policy}"] if arguments.policy else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    report = json.loads((out / "simulator.json").read_text())
    episodes = report["episodes"]
    return {
        "latency_s": latency,
        "jitter_s": jitter,
        "dropout": dropout,
        "episodes": len(episodes),
        "success_rate": sum(e["success"] for e in episodes) / len(episodes),
        "mean_final_distance_m": sum(e["final_distance"] for e in episodes) / len(episodes),
        "missed_deadlines": report["missed_deadlines"],
        "watchdog_trips": report["watchdog_trips"],
        "refusals": report["refusals"],
        "env_steps": report["env_steps"],
    }


def main() -> int:
    """Measure all rows, print them, write them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--policy", default="", help="policy folder or run (default: the shipped one)")
    parser.add_argument("--rtf", type=float, default=5.0)
    parser.add_argument("--config", default="src/hrl_robot/hrl_robot/robots/fake_ant.yaml")
    parser.add_argument("--out", type=Path, help="file for the table as JSON")
    arguments = parser.parse_args()
    table = Table("latency [ms]", "jitter [ms]", "lost", "success", "final distance [m]", "missed", "trips")
    rows = []
    for row in ROWS:
        with tempfile.TemporaryDirectory(prefix="hrl_latency_") as folder:
            result = measure(row, arguments, Path(folder))
        rows.append(result)
        print(json.dumps(result), flush=True)
        table.add_row(
            f"{1e3 * row[0]:.0f}",
            f"{1e3 * row[1]:.0f}",
            f"{100 * row[2]:.0f} %",
            f"{result['success_rate']:.2f} of {result['episodes']}",
            f"{result['mean_final_distance_m']:.2f}",
            f"{100 * result['missed_deadlines'] / result['env_steps']:.1f} %",
            str(result["watchdog_trips"]),
        )
        if arguments.out:
            arguments.out.write_text(json.dumps(rows, indent=2) + "\n")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
