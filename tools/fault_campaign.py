"""Kill and freeze nodes of running stacks at random moments and see whether every end is a safe one.

`make faults` makes 20 injections, `make faults N=100` those of the report. Stop times are measured where they count:
by the fake robot, from the injection to the first safe command after which only safe ones follow. That a stack goes on
means that it acts and that the robot goes somewhere, not that processes live.
"""

import argparse
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aftermath import HRL, LIMIT, POLICY, HeardStack, hierarchy_of_policy, require_robot
from rich.console import Console
from rich.table import Table
from running_stack import Stop, journal, kill_family, node_process, stop_of
from targets import ROBOT, Targets

from hrl.launching.environment import ensure_ros_environment
from hrl_core.errors import HrlError

FACTOR = 5.0
PERIOD = 0.1 / FACTOR
"""Control period in wall time [s]."""
TORQUE_LIMIT = 30.0
SCHEDULING = 0.05
"""Seconds that a loaded machine with two cores may add to any stop time."""
THAW = {"freeze": 1.0, "long freeze": 4.0}
"""Seconds after which a frozen process goes on."""
FATAL = ("bridge", "recorder", "simulator")
COLUMNS = (
    "target",
    "fault",
    "n",
    "safe p50",
    "max",
    "silence max",
    "promised [ms]",
    "acts again max [ms]",
    "acted on",
    "problems",
)
ACTIONS, WAY = 10, 0.05
"""Acting after a fault: more actions than that, and a longer way [m]."""
REST = 1.0
"""Seconds after a kill in which a robot that was made safe stays so: no node is back earlier."""


@dataclass
class Injection:
    """One fault and what came of it."""

    target: str
    fault: str
    """``kill``, ``freeze`` (thawed after a second), ``long freeze`` (after four) or ``freeze for ever``."""
    run: int
    stop_ms: float | None = None
    """Milliseconds to the safe action; None where the robot had none to give."""
    silence_ms: float | None = None
    """Milliseconds from the last action that moved the robot to the safe one: what the watchdog promises."""
    back_s: float | None = None
    """Seconds from the moment a restarted level is active to the next action."""
    survived: bool | None = None
    """Whether the stack went on."""
    exit_code: int | None = None
    problems: list[str] = field(default_factory=list)


class Stack(HeardStack):
    """A stack that runs until it is told to stop."""

    def __init__(self, out: Path, policy: str, real: bool, seed: int) -> None:
        """Start it."""
        self.real, self.targets = real, Targets(hierarchy_of_policy(policy), PERIOD)
        kind = ["robot:=real"] if real else ["mode:=realtime", "supervise:=true"]
        super().__init__(out, [*kind, f"policy:={policy}", f"rtf:={FACTOR}", "episodes:=0", f"seed:={seed}"])

    def acts(self, since: float, limit: float) -> bool:
        """Wait until it acts and the robot goes somewhere after ``since`` [s, wall time]; False: it never does."""
        witness = self.witness
        return self.until(lambda: witness.acted(since) > ACTIONS and witness.distance(since) > WAY, limit)

    def conclude(self, interrupt: bool) -> int:
        """Exit code, after Ctrl-C if it is to be asked for."""
        if interrupt and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.end(20.0)[0]


def inject(stack: Stack, injection: Injection, randomness: random.Random) -> None:
    """Do it, and wait for what comes of it."""
    stack.until(lambda: False, randomness.uniform(0.2, 1.5))
    victim = node_process(stack.process, injection.target)
    at, killed = time.monotonic(), time.time()
    victim.send_signal(signal.SIGKILL if injection.fault == "kill" else signal.SIGSTOP)
    if injection.fault in THAW:
        stack.until(lambda: False, THAW[injection.fault])
        until = time.monotonic()
        victim.send_signal(signal.SIGCONT)
    else:
        stack.until(lambda: False, REST)
        until = time.monotonic()
        if injection.fault == "freeze for ever":
            # Longer than the supervisor's patience with a silent node.
            stack.until(lambda: False, 20.0 if injection.target == "recorder" else 5.0)
    if stack.real and injection.target != ROBOT:
        stop = stop_of(stack.out, at, until)
        if stop is not None:
            injection.stop_ms, injection.silence_ms = 1e3 * stop.after, 1e3 * stop.silence
        _judge_stop(stack.targets, injection, stop)
    injection.survived = stack.acts(time.time(), 25.0)
    if injection.target in stack.targets.parties and injection.fault != "freeze" and injection.survived:
        _judge_return(stack, injection, killed)
    expected = injection.target in stack.targets.recoverable or injection.fault in THAW
    if injection.survived != expected:
        injection.problems.append("ended" if expected else "went on without it")


def _judge_return(stack: Stack, injection: Injection, killed: float) -> None:
    witness = stack.witness
    # The restarted process may be heard later than what it does: its words are kept for whoever comes.
    stack.until(lambda: witness.active_since([injection.target], killed), 10.0)
    back = witness.active_since([injection.target], killed)
    injection.back_s = None if back is None else witness.acted_after(back)
    if injection.back_s is None or injection.back_s > LIMIT:
        injection.problems.append(f"acted {injection.back_s} s after it was active again, promised {LIMIT:g}")


def _judge_stop(targets: Targets, injection: Injection, stop: Stop | None) -> None:
    bound = targets.bounds.get(injection.target)
    # A second's freeze of a manager or recorder is shorter than what a subgoal or the credit allows.
    may_go_on = injection.target in (*targets.managers, "recorder") and injection.fault != "kill"
    if bound is None or may_go_on:
        return
    if stop is None:
        injection.problems.append("no safe action")
    elif stop.after > bound + SCHEDULING:
        injection.problems.append(f"safe after {1e3 * stop.after:.0f} ms, promised {1e3 * bound:.0f}")


def conclude(stack: Stack, injections: list[Injection]) -> dict[str, Any]:
    """End the stack; judge exit code, torque, ages and bag."""
    last = injections[-1]
    died = last.survived is False
    last.exit_code = stack.conclude(interrupt=not died)
    if (last.exit_code == 0) == died:
        last.problems.append(f"exit code {last.exit_code}")
    told = journal(stack.out)
    commands = [row["command"] for row in told if "command" in row]
    greatest = max((abs(value) for command in commands for value in command), default=0.0)
    if greatest > TORQUE_LIMIT + 1e-9:
        last.problems.append(f"torque {greatest:.1f} N m")
    refused = sum("refused" in row for row in told)
    if refused:
        last.problems.append(f"{refused} unsound commands reached the controller")
    report = stack.out / "simulator.json"
    oldest = json.loads(report.read_text()).get("oldest_action_ms", 0.0) if report.exists() else None
    if oldest is not None and oldest > 1e3 * 2 * PERIOD:
        last.problems.append(f"an action {oldest:.0f} ms old was applied")
    bag = next(iter(sorted(stack.out.glob("bag*"))), None)
    checked = subprocess.run([str(HRL), "bag", "info", str(bag)], capture_output=True, text=True, check=False)
    if checked.returncode != 0:
        recovered = stack.out / "recovered"
        words = [str(HRL), "bag", "recover", str(bag), "--out", str(recovered)]
        checked = subprocess.run(words, capture_output=True, text=True, check=False)
    if checked.returncode != 0:
        last.problems.append(f"bag unreadable: {checked.stderr.strip()[-200:]}")
    return {
        "restarts": stack.output().count("restarting it"),
        "bag_readable": checked.returncode == 0,
        "greatest_torque": greatest,
        "oldest_action_ms": oldest,
        "commands": len(commands),
    }


def plan(targets: Targets, count: int, seed: int, only: Sequence[str] | None = None) -> list[list[Injection]]:
    """Runs of up to three injections, the last of which may end the stack."""
    randomness = random.Random(seed)
    faults = {
        target: ["kill", "freeze", "freeze for ever"]
        for target in (*targets.recoverable, *FATAL)
        if not only or target in only
    }
    # A robot that is away for ever is waited for; that it is taken up again when it is back is the point.
    if ROBOT in faults:
        faults[ROBOT][2] = "long freeze"
    kinds = [(target, fault) for target, row in faults.items() for fault in row]
    wanted = [kinds[i % len(kinds)] for i in range(count)]
    randomness.shuffle(wanted)
    easy = [k for k in wanted if k[0] in targets.recoverable]
    hard = [k for k in wanted if k[0] not in targets.recoverable]
    runs: list[list[Injection]] = []
    while easy or hard:
        number = len(runs)
        final = hard.pop() if hard else None
        before = [] if final and final[0] == "simulator" else [easy.pop() for _ in range(min(2, len(easy)))]
        runs.append([Injection(*kind, run=number) for kind in [*before, *([final] if final else [])]])
    return runs


def show(
    targets: Targets, injections: list[Injection], facts: list[dict[str, Any]], console: Console
) -> dict[str, Any]:
    """Print the table of the report; return it as data."""
    title = f"{len(injections)} injections in {len(facts)} runs at real-time factor {FACTOR:g}"
    table = Table(*COLUMNS, title=title)
    rows = []
    for target, fault in sorted({(i.target, i.fault) for i in injections}):
        group = [i for i in injections if (i.target, i.fault) == (target, fault)]
        stops = [i.stop_ms for i in group if i.stop_ms is not None]
        row = {
            "target": target,
            "fault": fault,
            "n": len(group),
            "p50_ms": statistics.median(stops) if stops else None,
            "max_ms": max(stops) if stops else None,
            "silence_max_ms": max((i.silence_ms for i in group if i.silence_ms is not None), default=None),
            "promised_ms": 1e3 * targets.bounds[target] if target in targets.bounds else None,
            "acts_again_max_ms": max((1e3 * i.back_s for i in group if i.back_s is not None), default=None),
            "acted_on": sum(i.survived is True for i in group),
            "problems": sum(bool(i.problems) for i in group),
        }
        rows.append(row)
        shown = ("-" if v is None else f"{v:.0f}" if isinstance(v, float) else str(v) for v in row.values())
        table.add_row(*shown)
    console.print(table)
    totals = {
        "injections": len(injections),
        "problems": [asdict(i) for i in injections if i.problems],
        "restarts": sum(fact["restarts"] for fact in facts),
        "bags_readable": sum(fact["bag_readable"] for fact in facts),
        "runs": len(facts),
        "greatest_torque": max(fact["greatest_torque"] for fact in facts),
        "oldest_action_ms": max((fact["oldest_action_ms"] or 0.0) for fact in facts),
        "commands": sum(fact["commands"] for fact in facts),
    }
    console.print(json.dumps(totals, indent=2))
    return {"rows": rows, **totals}


def main() -> int:
    """Run the campaign; 0 only if nothing went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--injections", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--policy", default=POLICY, help="shipped policy or folder, whose parties are injured")
    parser.add_argument("--only", nargs="+", help="nodes to injure; all without it")
    parser.add_argument("--out", type=Path, default=None, help="file for the report as JSON")
    arguments = parser.parse_args()
    ensure_ros_environment()
    try:
        require_robot(arguments.policy)
    except HrlError as error:
        parser.error(f"--policy {arguments.policy}: {error}")
    targets = Targets(hierarchy_of_policy(arguments.policy), PERIOD)
    known = (*targets.recoverable, *FATAL)
    if strange := set(arguments.only or ()) - set(known):
        parser.error(f"--only {', '.join(sorted(strange))}: the nodes of this policy are {', '.join(known)}")
    console, randomness = Console(width=None if sys.stdout.isatty() else 150), random.Random(arguments.seed)
    done: list[Injection] = []
    facts = []
    with tempfile.TemporaryDirectory(prefix="hrl_faults_") as folder:
        for number, injections in enumerate(plan(targets, arguments.injections, arguments.seed, arguments.only)):
            real = injections[0].target != "simulator"
            stack = Stack(Path(folder, f"run{number}"), arguments.policy, real, number)
            try:
                made = _run(stack, injections, randomness)
                done += made
                facts.append(conclude(stack, made))
            finally:
                kill_family(stack.process)
            for injection in made:
                outcome = injection.problems or "as promised"
                console.print(f"run {number}: {injection.target} {injection.fault}: {outcome}")
            if any(injection.problems for injection in made):
                console.print(stack.output(), markup=False)
    report = show(targets, done, facts, console)
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    return 1 if report["problems"] else 0


def _run(stack: Stack, injections: list[Injection], randomness: random.Random) -> list[Injection]:
    if not stack.acts(0.0, 60.0):
        injections[0].problems.append("the stack did not start")
        injections[0].survived = False
        return injections[:1]
    for number, injection in enumerate(injections):
        inject(stack, injection, randomness)
        if not injection.survived:
            return injections[: number + 1]
    return injections


if __name__ == "__main__":
    sys.exit(main())
