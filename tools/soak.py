"""Let a stack run for long and see whether anything grows, slows down or gets lost.

`.venv/bin/python tools/soak.py --minutes 60` runs the robot stack at ten times real time, looks at every process once
a minute and compares the last minute with the first after a warm-up.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from running_stack import node_processes

from hrl.launching.environment import ensure_ros_environment

HRL = Path(sys.executable).with_name("hrl")
WARM_UP = 5
"""Minutes before the first measurement: allocators, caches and the first bags settle."""
GROWTH = 0.05
"""Greatest share by which a process may have grown."""


def main() -> int:
    """Run, watch, report; 0 only if nothing grew, slowed down or was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--rtf", type=float, default=10.0)
    parser.add_argument("--robot", choices=("real", "sim"), default="real")
    parser.add_argument("--out", type=Path, help="file for the report as JSON")
    arguments = parser.parse_args()
    ensure_ros_environment()
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    with tempfile.TemporaryDirectory(prefix="hrl_soak_") as folder:
        report = soak(arguments, Path(folder) / "out")
    show(report)
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    grown = [name for name, row in report["memory_mb"].items() if row["growth"] > GROWTH]
    return 1 if grown or report["lost_messages"] or report["exit_code"] else 0


def soak(arguments: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Run the stack and look at it once a minute."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from hrl_msgs.msg import SimStatus
    from hrl_ros import qos

    words = [f"robot:={arguments.robot}", f"rtf:={arguments.rtf}", "split_episodes:=50", f"out:={out}", "episodes:=0"]
    words += ["mode:=realtime"] if arguments.robot == "sim" else []
    process = subprocess.Popen([str(HRL), "launch", "hiro_ant.launch.py", *words])
    rclpy.init()
    node = rclpy.create_node("soak")
    status: list[Any] = []
    node.create_subscription(SimStatus, "sim_status", status.append, qos.latched())
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    minutes: list[dict[str, Any]] = []
    try:
        for minute in range(arguments.minutes):
            status.clear()
            end = time.monotonic() + 60
            while time.monotonic() < end and process.poll() is None:
                executor.spin_once(0.5)
            if process.poll() is not None:
                break
            latencies = [1e3 * s.action_latency for s in status if s.action_latency == s.action_latency]
            row = {
                "minute": minute + 1,
                "memory_mb": {name: node.memory_info().rss / 1e6 for name, node in node_processes(process)},
                "latency_ms": statistics.median(latencies) if latencies else None,
                "missed_deadlines": status[-1].missed_deadlines if status else None,
                "load": os.getloadavg()[0],
            }
            minutes.append(row)
            print(json.dumps(row), flush=True)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        code = process.wait(120)
        node.destroy_node()
        rclpy.shutdown()
    summary = json.loads((out / "summary.json").read_text())
    return _report(arguments, minutes, summary, code)


def _report(
    arguments: argparse.Namespace, minutes: list[dict[str, Any]], summary: dict[str, Any], code: int
) -> dict[str, Any]:
    settled = minutes[min(WARM_UP, len(minutes) - 1)]
    first, last = settled["memory_mb"], minutes[-1]["memory_mb"]
    memory = {
        name: {"after_warm_up": first[name], "at_the_end": last[name], "growth": last[name] / first[name] - 1}
        for name in first
        if name in last
    }
    return {
        "minutes": len(minutes),
        "real_time_factor": arguments.rtf,
        "robot": arguments.robot,
        "exit_code": code,
        "env_steps": summary["env_steps"],
        "episodes": summary["episodes"],
        "success_rate": summary["success_rate"],
        "lost_messages": summary["lost_messages"],
        "memory_mb": memory,
        "latency_ms": {"first_minute": settled["latency_ms"], "last_minute": minutes[-1]["latency_ms"]},
        "by_minute": minutes,
    }


def show(report: dict[str, Any]) -> None:
    """Print what matters."""
    console = Console()
    table = Table("node", "after warm-up [MB]", "at the end [MB]", "growth")
    for name, row in report["memory_mb"].items():
        table.add_row(name, f"{row['after_warm_up']:.1f}", f"{row['at_the_end']:.1f}", f"{100 * row['growth']:+.1f} %")
    console.print(table)
    console.print({name: value for name, value in report.items() if name not in ("memory_mb", "by_minute")})


if __name__ == "__main__":
    sys.exit(main())
