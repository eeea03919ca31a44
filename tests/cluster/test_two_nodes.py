"""Two nodes of a cluster: whatever is lost of them, a sweep ends in the policies of plain ``hrl train``."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hosts import until
from two_nodes import TwoNodes, two_nodes

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.needs("netns")]
HRL = [sys.executable, "-c", "import sys; from hrl.cli import main; sys.exit(main())"]
SMALL = (
    "--task PointMaze --num_envs 4 --steps 4000 --evaluation_interval 1000 --evaluation_episodes 1 "
    "--evaluation_episodes_elsewhere 1 --checkpoint_interval 200 --learning_starts 300 --worker_updates 0.2 "
    "--candidates 2 --worker.hidden 8 8 --manager.hidden 8 8"
).split()
ROUNDS = [
    *SMALL,
    "--products",
    "given",
    "--num_envs",
    "2",
    "--round_blocks",
    "4",
    "--steps",
    "12000",
    "--checkpoint_interval",
    "2000",
]
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def nodes():
    with two_nodes() as both:
        yield both


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The policies of ``hrl train`` alone."""
    folder = tmp_path_factory.mktemp("plain")
    for seed in SEEDS:
        words = ["train", *SMALL, "--products", "numpy", "--seed", str(seed), "--out", str(folder / f"seed_{seed}")]
        subprocess.run([*HRL, *words], check=True, capture_output=True)
    return policies(folder)


def policies(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*/weights.safetensors")}


class Sweep:
    """One at work, with a run on each node that has saved a state."""

    def __init__(self, nodes: TwoNodes, folder: Path) -> None:
        self.folder = folder
        words = [
            "sweep",
            *SMALL,
            "--products",
            "numpy",
            "--seeds",
            "0:2",
            "--cluster",
            nodes.address,
            # As people write it: nodes work elsewhere than where they are called.
            "--out",
            folder.name,
        ]
        piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = nodes.head.call(*HRL, *words, cwd=folder.parent, **piped)
        until(lambda: len(list(folder.glob("seed_*/latest.json"))) == 2)
        assert [len(node.processes("train")) for node in (nodes.head, nodes.other)] == [1, 1]

    def told(self) -> str:
        out, told = self.process.communicate(timeout=240)
        assert self.process.returncode == 0, out + told
        return told

    def begun(self) -> list[int]:
        """How often each run was begun or gone on with."""
        return [log.read_text().count("Ctrl-C stops and saves") for log in sorted(self.folder.glob("seed_*/train.log"))]


def test_a_killed_run_goes_on_from_its_last_state(nodes, plain, tmp_path):
    sweep = Sweep(nodes, tmp_path / "sweep")
    (run,) = nodes.other.processes("train")
    run.kill()
    told = sweep.told()
    assert policies(sweep.folder) == plain
    assert sorted(sweep.begun()) == [1, 2], told


def test_without_a_cable_for_ten_seconds_nothing_is_lost(nodes, plain, tmp_path):
    sweep = Sweep(nodes, tmp_path / "sweep")
    nodes.other.cable("down")
    time.sleep(10)
    nodes.other.cable("up")
    sweep.told()
    assert policies(sweep.folder) == plain
    assert sweep.begun() == [1, 1]


def test_the_run_of_a_lost_node_goes_on_on_the_other(nodes, plain, tmp_path):
    sweep = Sweep(nodes, tmp_path / "sweep")
    nodes.other.kill()
    told = sweep.told()
    assert policies(sweep.folder) == plain
    assert sorted(sweep.begun()) == [1, 2], told
    nodes.join()


def test_collectors_of_two_nodes_of_which_one_is_lost_come_to_the_same_bits(nodes, tmp_path):
    words = ["train", *ROUNDS, "--out"]
    subprocess.run([*HRL, *words, str(tmp_path / "alone"), "--collectors", "0"], check=True, capture_output=True)
    cluster = ["--collectors", "2", "--cluster", nodes.address]
    folder = tmp_path / "spread"
    process = nodes.head.call(
        *HRL, *words, str(folder), *cluster, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(lambda: (folder / "latest.json").is_file())

    nodes.other.kill()
    # What its collector had to do, the other one does.
    out, told = process.communicate(timeout=240)
    assert process.returncode == 0, out + told
    nodes.join()
    assert policies(folder) == policies(tmp_path / "alone")


def test_the_doctor_finds_both_nodes_well(nodes):
    look = "from hrl.doctor.cluster import cluster; import json"
    code = f"{look}; print(json.dumps({{f.check: f.verdict.name for f in cluster('{nodes.address}')}}))"
    looked = nodes.head.call(sys.executable, "-c", code, stdout=subprocess.PIPE, text=True)
    told, _ = looked.communicate(timeout=120)
    assert json.loads(told) == {"cluster": "OK", "node 10.77.0.1": "OK", "node 10.77.0.2": "OK"}


@pytest.mark.parametrize("token", ["", "0" * 32])
def test_nobody_joins_without_the_token(nodes, token, tmp_path):
    words = ["sweep", *SMALL, "--products", "numpy", "--cluster", nodes.address, "--out", str(tmp_path / "sweep")]
    environment = {**os.environ, "RAY_AUTH_TOKEN": token, "HOME": str(tmp_path)}
    command = ["ip", "netns", "exec", nodes.head.name, *HRL, *words]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert refused.returncode == 2
    assert f"--cluster {nodes.address} does not take this machine" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "sweep" / "seed_0").exists()
