"""Kill worker and managers in mid-episode; see whether the robot acts again and reaches its goal all the same.

One kill in each episode of a stack, in every clock mode and on the robot's own or the standard topic names, beside as
many episodes of the same stack without a kill. What counts is what is heard on the topics: seconds from the moment the
restarted nodes are active to the next action, the share of the following steps acted on, the way that the robot goes.
"""

import argparse
import itertools
import json
import random
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aftermath import LIMIT, POLICY, HeardStack, hierarchy_of_policy, require_robot
from rich.console import Console
from rich.table import Table
from running_stack import node_process, standard_robot
from targets import groups

from hrl.launching.environment import ensure_ros_environment
from hrl_core.bags.reader import read_bags
from hrl_core.errors import HrlError
from hrl_core.task.text import load_task
from hrl_core.training.recordings.material import whole_segments

FACTOR = 3.0
"""Real-time factor; faster, and three restarts a minute would not do for a kill in every episode."""
SETTINGS = {
    "lock-step": ["respawn:=true"],
    "real time": ["mode:=realtime", "respawn:=true", f"rtf:={FACTOR}"],
    "fake robot": ["robot:=real", f"rtf:={FACTOR}"],
    "standard topics": ["robot:=real", f"rtf:={FACTOR}"],
}
SPARE = 20
"""Episodes of a lock-step run beyond those with a kill: what may pass at full speed before it is held to the pace."""
LEAST_SHARE = 0.8
"""Of the steps after a second, those that are acted on in time on a busy machine."""
LEAST_WAY = 0.3
"""Least way [m] in the rest of an episode: less is an ant that stands where it should go, or lies on its back."""
MISSES = 0.1
"""Share of the episodes that may do worse than those without a kill: an ant may turn over as it does there."""


@dataclass
class Trial:
    """One kill and what came of it."""

    victims: str
    episode: int
    resumed: float | None = None
    """Seconds from ACTIVE to the next action; None: there was none in that episode."""
    share: float = 0.0
    """Of the steps later than a second after ACTIVE, those acted on."""
    way: float = 0.0
    """Way [m] from then to the end of the episode."""

    def problem(self) -> str:
        """What is wrong with it; empty: nothing."""
        if self.resumed is None or self.resumed > LIMIT:
            return f"acted again after {self.resumed} s"
        return f"acted on {self.share:.0%} of the steps" if self.share < LEAST_SHARE else ""


@dataclass
class Run:
    """One stack with or without kills."""

    setting: str
    trials: list[Trial] = field(default_factory=list)
    exit_code: int | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    sound_steps: int = 0
    """Environment steps of the bag that can be learned from."""
    output: str = ""


def kill_in_episode(stack: HeardStack, trial: Trial, step: int) -> None:
    """Kill in mid-episode and fill the trial in at the episode's end."""
    witness, episode = stack.witness, trial.episode
    if not stack.until(lambda: bool(witness.observed) and witness.observed[-1].key >= (episode, step)):
        return
    killed, names = time.time(), trial.victims.split("+")
    for name in names:
        node_process(stack.process, name).send_signal(signal.SIGKILL)

    def over() -> bool:
        return witness.observed[-1].key[0] > episode

    stack.until(lambda: witness.active_since(names, killed) or over())
    back = witness.active_since(names, killed)
    stack.until(over)
    ended = next((seen.at for seen in witness.observed if seen.key[0] > episode), time.time())
    if back is None or back > ended:
        return
    steady = back + LIMIT
    trial.resumed = witness.acted_after(back)
    trial.share = witness.share(steady, ended)
    trial.way = witness.distance(steady, ended)


def run(folder: Path, setting: str, policy: str, episodes: int, kills: bool, seed: int) -> Run:
    """One stack from its start to its bag."""
    hierarchy = hierarchy_of_policy(policy)
    randomness, done = random.Random(f"{seed} {setting}"), Run(setting)
    folder.mkdir(parents=True)
    spare = SPARE if setting == "lock-step" and kills else 0
    words = [*SETTINGS[setting], f"policy:={policy}", f"episodes:={episodes + spare}"]
    if setting == "standard topics":
        words.append(f"robot_config:={standard_robot(folder)}")
    stack = HeardStack(folder / "run", words)
    try:
        first = 0
        if setting == "lock-step" and kills:
            # Or its episodes are over before a node is back. On a busy machine some are before it is heard.
            stack.pace(FACTOR)
            stack.until(lambda: bool(stack.witness.observed))
            first = stack.witness.observed[-1].key[0] + 1
        planned = range(first, first + episodes) if kills else ()
        for episode, victims in zip(planned, itertools.cycle(groups(hierarchy)), strict=False):
            done.trials.append(Trial("+".join(victims), episode))
            kill_in_episode(stack, done.trials[-1], randomness.randrange(30, 200))
        if spare:
            stack.pace(0.0)  # what is left of the spare ones, at full speed
        stack.until(lambda: False, limit=60.0 * episodes)
    finally:
        done.exit_code, done.output = stack.end(90.0)
    summary = folder / "run" / "summary.json"
    if summary.exists():
        done.summary = json.loads(summary.read_text())
        task = load_task(json.loads((folder / "run" / "launch.json").read_text())["policy"] + "/task.yaml")
        period = hierarchy.levels[0].horizon if hierarchy.levels else 1
        for recorded in read_bags([folder / "run" / "bag"], task).episodes:
            done.sound_steps += sum(
                end - start for start, end in whole_segments(period, recorded, foreign_actions=False)
            )
    return done


def problems(plain: Run, faulty: Run, episodes: int) -> list[str]:
    """What is wrong with a setting."""
    found = [f"episode {t.episode}, {t.victims}: {t.problem()}" for t in faulty.trials if t.problem()]
    found += [f"exit code {r.exit_code}" for r in (plain, faulty) if r.exit_code != 0]
    if not plain.summary or not faulty.summary:
        return [*found, "no summary"]
    fewer = (plain.summary["success_rate"] - faulty.summary["success_rate"]) * episodes
    still = sum(trial.way < LEAST_WAY for trial in faulty.trials)
    if still > MISSES * episodes:
        found.append(f"{still} of {episodes} times it went less than {LEAST_WAY} m afterwards")
    if fewer > MISSES * episodes + 1e-9:
        found.append(f"{fewer:.0f} of {episodes} goals fewer than without a kill")
    if faulty.summary["lost_messages"]:
        found.append(f"lost: {faulty.summary['lost']}")
    return found


def row(plain: Run, faulty: Run) -> dict[str, Any]:
    """Figures of a setting."""
    resumed = [t.resumed for t in faulty.trials if t.resumed is not None]
    return {
        "setting": faulty.setting,
        "kills": len(faulty.trials),
        "acted again": len(resumed),
        "after, median [s]": sorted(resumed)[len(resumed) // 2] if resumed else None,
        "max [s]": max(resumed, default=None),
        "least share of steps": min((t.share for t in faulty.trials), default=None),
        "least way [m]": min((t.way for t in faulty.trials), default=None),
        "success": faulty.summary.get("success_rate"),
        "without": plain.summary.get("success_rate"),
        "lost": faulty.summary.get("lost_messages"),
        "sound steps": f"{faulty.sound_steps} of {faulty.summary.get('env_steps')}",
    }


def main() -> int:
    """Run the campaign; 0 only if nothing went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=20, help="per setting, with a kill in each and without")
    parser.add_argument("--policy", default=POLICY, help="shipped policy or folder, whose parties are killed")
    parser.add_argument("--settings", nargs="+", choices=tuple(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--jobs", type=int, default=1, help="stacks at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None, help="file for the report as JSON")
    a = parser.parse_args()
    ensure_ros_environment()
    try:
        hierarchy_of_policy(a.policy)
        if any("robot:=real" in SETTINGS[setting] for setting in a.settings):
            require_robot(a.policy)
    except HrlError as error:
        parser.error(f"--policy {a.policy}: {error}")
    console, rows, wrong = Console(width=None if sys.stdout.isatty() else 150), [], {}
    printing = threading.Lock()
    with tempfile.TemporaryDirectory(prefix="hrl_restarts_") as folder, ThreadPoolExecutor(a.jobs) as pool:

        def both(setting: str) -> tuple[Run, Run]:
            base = Path(folder, setting.replace(" ", "_"))
            plain = run(base / "plain", setting, a.policy, a.episodes, False, a.seed)
            return plain, run(base / "kills", setting, a.policy, a.episodes, True, a.seed)

        for plain, faulty in pool.map(both, a.settings):
            with printing:
                rows.append(row(plain, faulty))
                found = problems(plain, faulty, a.episodes)
                console.print(f"{faulty.setting}: {found or 'as promised'}", markup=False)
                if found:
                    wrong[faulty.setting] = found
                    console.print(faulty.output, markup=False)
    table = Table(
        *rows[0], title=f"{a.episodes} episodes with a kill in each, and without, at real-time factor {FACTOR:g}"
    )
    for figures in rows:
        table.add_row(*("-" if v is None else f"{v:.2f}" if isinstance(v, float) else str(v) for v in figures.values()))
    console.print(table)
    if a.out:
        a.out.write_text(json.dumps({"rows": rows, "problems": wrong}, indent=2) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
