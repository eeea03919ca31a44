"""Try against a live stack what strangers could: each attack must leave it as it is. Exit code 0 only if none works.

The stack is the one that has most to lose, a (fake) robot with supervisor, recorder and viewer. What an attack must not
do is written beside it; at the end the robot walks, takes a sound policy, and Ctrl-C ends it with exit code 0.
"""

import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from running_stack import kill_family, node_process, walks

from hrl.launching.environment import ensure_ros_environment

HRL = Path(sys.executable).with_name("hrl")
DOMAIN = 97
SECRET = "correct horse battery staple"
GROWTH = 150e6
"""Bytes by which a node may grow while it refuses a policy."""
PATIENCE = 20.0
Announce = Callable[[], None]


class Stack:
    """A walking robot, its output, and a stranger's node beside it."""

    def __init__(self, folder: Path) -> None:
        """Start it and wait until the robot walks."""
        import rclpy

        self.folder, self.out = folder, folder / "out"
        self.port = _free_port()
        words = ["robot:=real", "rtf:=5", "episodes:=0", f"out:={self.out}"]
        words += ["viewer:=true", f"viewer_port:={self.port}"]
        self._log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            [HRL, "launch", "hiro_ant.launch.py", *words], stdout=self._log, stderr=subprocess.STDOUT
        )
        rclpy.init()
        self.node: Any = rclpy.create_node("stranger")
        self.until(lambda: self.walks(0.0), "the robot walks", 60.0)

    def said(self) -> str:
        """What the stack has printed."""
        return (self.folder / "log").read_text()

    def walks(self, since: float) -> bool:
        """Whether the robot was told to move after ``since`` (steady time)."""
        return walks(self.out, since)

    def until(self, condition: Callable[[], Any], what: str, limit: float = PATIENCE) -> None:
        """Wait; raises ``AssertionError`` when it does not come to that, or the stack ends."""
        end = time.monotonic() + limit
        while not condition():
            assert self.process.poll() is None, f"the stack ended with exit code {self.process.poll()}"
            assert time.monotonic() < end, f"not within {limit:g} s: {what}"
            time.sleep(0.05)

    def publisher(self, kind: type, topic: str, profile: object, listeners: int) -> Any:  # noqa: ANN401 - rclpy's
        """A publisher that is heard."""
        publisher = self.node.create_publisher(kind, topic, profile)
        self.until(lambda: publisher.get_subscription_count() >= listeners, f"listeners of {topic}")
        return publisher

    def still_walks(self) -> None:
        """Raise ``AssertionError`` unless the robot goes on walking from now on."""
        since = time.monotonic()
        self.until(lambda: self.walks(since), "the robot walks again")

    def end(self) -> None:
        """Leave nothing behind."""
        import rclpy

        kill_family(self.process)
        self.node.destroy_node()
        rclpy.shutdown()


def forged_heartbeats(stack: Stack) -> None:
    """No process dies that a message names, and the nodes it claims to be live on."""
    from hrl_msgs import msg
    from hrl_ros import qos

    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        beats = stack.publisher(msg.Heartbeat, "heartbeat", qos.heartbeat(), 1)

        def claim(*names: str, leaving: bool = False) -> None:
            for name in names:
                beats.publish(
                    msg.Heartbeat(
                        node=f"/{name}", pid=victim.pid, host=socket.gethostname(), active=True, leaving=leaving
                    )
                )

        for _ in range(5):
            claim("bridge", "recorder", "manager", "worker")
            claim("bridge", leaving=True)
            time.sleep(0.1)
        worker = node_process(stack.process, "worker")
        worker.send_signal(signal.SIGSTOP)
        claim("worker")
        # Silent for 5 s, the worker is taken for dead by the supervisor and killed: the worker, not the victim.
        stack.until(lambda: not worker.is_running() or worker.status() == "zombie", "the frozen worker is killed")
        assert victim.poll() is None, "the process that a heartbeat named was killed"
        stack.still_walks()
        assert victim.poll() is None, "the process that a heartbeat named was killed"
    finally:
        victim.kill()
        victim.wait()


def old_run_info(stack: Stack) -> None:
    """A run that says it was here before everybody else ends nobody."""
    from hrl_msgs import msg
    from hrl_ros import qos

    stack.publisher(msg.RunInfo, "run_info", qos.latched(), 3).publish(msg.RunInfo(run=1))
    stack.until(lambda: "(run 0000000000000001) has appeared" in stack.said(), "the bridge names the intruder")
    stack.still_walks()


def link_to_private_file(stack: Stack, policy: Path, announce: Announce) -> None:
    """A policy that links to a file of somebody else's shows nothing of it."""
    private = stack.folder / "private"
    private.write_text(f"password: {SECRET}\n{SECRET}: [\n")
    for name in ("task.yaml", "policy.json"):
        (policy / name).unlink()
        (policy / name).symlink_to(private)
        announce()
        assert SECRET not in stack.said(), f"the log quotes a private file that {name} links to"


def private_folder(stack: Stack, policy: Path, announce: Announce) -> None:
    """A folder that is none of ours is not quoted either."""
    (policy / "task.yaml").write_text(f"password: {SECRET}\n{SECRET}: [\n")
    (policy / "policy.json").write_text(f'{{"password": "{SECRET}"')
    announce()
    assert SECRET not in stack.said(), "the log quotes a file that is no policy's"


def huge_weights(stack: Stack, policy: Path, announce: Announce) -> None:
    """Six gigabytes of weights are not loaded to find out that they are too many."""
    del stack
    os.truncate(policy / "weights.safetensors", 6 * 2**30)
    announce()


def alias_bomb(stack: Stack, policy: Path, announce: Announce) -> None:
    """A task file that unfolds to 9^9 entries is refused before it does."""
    del stack
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    (policy / "task.yaml").write_text("\n".join(rows) + "\n")
    announce()


def deep_nesting(stack: Stack, policy: Path, announce: Announce) -> None:
    """A task file of brackets neither crashes nor holds up a node."""
    del stack
    (policy / "task.yaml").write_text("name: " + "[" * 100_000 + "\n")
    announce()


def foreign_page(stack: Stack) -> None:
    """A page of somebody else's in the user's browser cannot steer the run through the viewer's WebSocket."""
    import viser

    here = f"localhost:{stack.port}"

    def answers(host: str, origin: str) -> bool:
        with socket.create_connection(("127.0.0.1", stack.port), timeout=5) as connection:
            head = ["GET / HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
            head += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
            head += [f"Sec-WebSocket-Protocol: viser-v{viser.__version__}", f"Origin: {origin}"]
            connection.sendall("\r\n".join([*head, "", ""]).encode())
            return b" 101 " in connection.recv(64)

    stack.until(lambda: _listens(stack.port), "the viewer listens")
    assert answers(here, f"http://{here}"), "the viewer's own page is refused"
    assert not answers(here, "http://evil.example"), "a page from elsewhere is connected"
    assert not answers(here, "null"), "a page without origin is connected"
    assert not answers(f"evil.example:{stack.port}", f"http://evil.example:{stack.port}"), "a rebound name is connected"


ON_TOPICS = (forged_heartbeats, old_run_info, foreign_page)
BY_POLICY = (link_to_private_file, private_folder, huge_weights, alias_bomb, deep_nesting)


class Announcer:
    """Announces policies as a trainer does, and waits for what both levels say."""

    def __init__(self, stack: Stack) -> None:
        """Be heard by manager and worker."""
        from hrl.policies.shipped import shipped_policies
        from hrl_core.checkpoints.checkpoint import load_checkpoint
        from hrl_msgs import msg
        from hrl_ros import qos

        self._stack, self._kind = stack, msg.PolicyUpdate
        self._checkpoint = load_checkpoint(shipped_policies()["hiro_ant_maze"].folder)
        self._publisher = stack.publisher(msg.PolicyUpdate, "policy_update", qos.latched(), 3)
        self._version = 10**6

    def policy(self) -> Path:
        """A sound policy of a new version."""
        from hrl_core.checkpoints.checkpoint import save_checkpoint

        self._version += 1
        folder = self._stack.folder / "policies" / str(self._version)
        save_checkpoint(dataclasses.replace(self._checkpoint, version=self._version), folder)
        return folder

    def announce(self, folder: Path, sha256: str, expected: str) -> None:
        """Announce it and wait until both levels have said ``expected`` of it."""
        said = self._checkpoint
        before = self._stack.said().count(expected.format(self._version))
        nodes = [node_process(self._stack.process, name) for name in ("manager", "worker")]
        sizes = [node.memory_info().rss for node in nodes]
        self._publisher.publish(
            self._kind(version=self._version, file=str(folder), sha256=sha256, task_hash=said.task.sha256)
        )
        grown = 0.0

        def both_have_spoken() -> bool:
            nonlocal grown
            now = [node.memory_info().rss for node in nodes]
            grown = max(grown, *(size - old for size, old in zip(now, sizes, strict=True)))
            return self._stack.said().count(expected.format(self._version)) >= before + 2

        self._stack.until(both_have_spoken, f"both levels say '{expected.format(self._version)}'")
        assert grown < GROWTH, f"a node grew by {grown / 1e6:.0f} MB"


def attacks(stack: Stack) -> Iterator[tuple[str, str, Callable[[], None]]]:
    """Name, what must hold, and the attack itself."""
    from hrl_core.checkpoints.manifest import read_manifest

    announcer = Announcer(stack)

    def by_policy(attack: Callable[[Stack, Path, Announce], None]) -> None:
        folder = announcer.policy()
        sha256 = read_manifest(folder).weights_sha256
        attack(stack, folder, lambda: announcer.announce(folder, sha256, "refused policy version {}"))
        shutil.rmtree(folder)
        stack.still_walks()

    def sound_policy() -> None:
        folder = announcer.policy()
        announcer.announce(folder, read_manifest(folder).weights_sha256, "policy version {} is checked")

    for attack in BY_POLICY:
        yield attack.__name__, attack.__doc__ or "", lambda attack=attack: by_policy(attack)
    for attack in ON_TOPICS:
        yield attack.__name__, attack.__doc__ or "", lambda attack=attack: attack(stack)
    yield "sound_policy", "A sound policy is still taken, by both levels.", sound_policy


def main() -> int:
    """Try them all; 1 when one works or the stack does not end cleanly, else 0."""
    os.environ |= {"ROS_DOMAIN_ID": str(DOMAIN), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    ensure_ros_environment()
    worked = 0
    with tempfile.TemporaryDirectory(prefix="hrl_attacks_") as folder:
        stack = Stack(Path(folder))
        try:
            for name, law, attack in attacks(stack):
                began = time.monotonic()
                try:
                    attack()
                    outcome = "holds"
                except (AssertionError, LookupError, psutil.Error) as error:
                    worked, outcome = worked + 1, f"IT WORKS: {error}"
                print(f"{name:22}{time.monotonic() - began:5.1f} s  {outcome} ({law})", flush=True)
                if stack.process.poll() is not None:
                    break
            stack.process.send_signal(signal.SIGINT)
            code = stack.process.wait(20)
            print(f"exit code of the stack after Ctrl-C: {code}")
            worked += code != 0
            if worked:
                print(stack.said())
        finally:
            stack.end()
    return min(worked, 1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main())
