"""Any goal-conditioned Gymnasium environment: described, trained, resumed, evaluated, launched, recorded, relabelled,
filmed, by the commands and nothing else. One of them in `make test`, all in `make test-learning`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import imageio.v3 as imageio
import pytest

from hrl import cli
from hrl.commands import training_end
from hrl_core.bags.find import find_bags
from hrl_core.bags.reader import read_bags
from hrl_core.bags.relabelled import relabelled_messages
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.training.run_files import RunFolder

TWO_LINK = Path(__file__).parents[2] / "src" / "hrl_core" / "test" / "two_link.py"
ENVIRONMENTS = [
    # No MuJoCo, no attribute `goal`, float32, a module beside the task file.
    pytest.param("two_link:TwoLink-v0", marks=pytest.mark.ros),
    *(
        pytest.param(env_id, marks=pytest.mark.learning)
        for env_id in (
            "FetchReach-v4",
            "FetchPush-v4",
            "PointMaze_UMaze-v3",
            # The observation lacks the goal.
            "AntMaze_UMaze-v5",
            "HandReach-v3",
            # Goals by name, observed with noise, no word on success.
            "FrankaKitchen-v1",
        )
    ),
]
STEPS, STOPPED_AFTER = 300, 95
SWITCHES = (
    f"--steps {STEPS} --num_envs 2 --learning_starts 60 --evaluation_interval 150 --evaluation_episodes 2 "
    "--checkpoint_interval 150 --replay 2000 --no-stagger --candidates 4 "
    "--worker.hidden 16 16 --manager.hidden 16 16 "
    "--worker.batch_size 16 --manager.batch_size 16"
).split()


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def task(request, tmp_path_factory):
    """Task file written by `hrl task new`, the module of an environment of one's own beside it."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(TWO_LINK, folder)
    path = folder / "task_of_mine.yaml"
    assert cli.main(["task", "new", request.param, "--out", str(path), "--steps", "200"]) == 0
    return path


@pytest.fixture(scope="module")
def run(task):
    """A run that was stopped on the way and went on to its end."""
    folder = task.parent / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_end.StopSignal, "__call__", _after(STOPPED_AFTER))
        assert cli.main(["train", "--task", str(task), "--out", str(folder), *SWITCHES]) == cli.INTERRUPTED
    assert RunFolder(folder).saved_steps() == 2 * STOPPED_AFTER
    assert cli.main(["train", "--resume", str(folder), "--task", str(task)]) == 0
    return folder


def _after(calls):
    """Stands for Ctrl-C: asks to stop once it has been asked so many times."""
    left = iter(range(calls))
    return lambda signal: next(left, None) is None


def test_a_stopped_run_goes_on_to_its_end_and_is_evaluated(run, task, capsys):
    assert [row["env_steps"] for row in RunFolder(run).metrics()] == [150, STEPS]
    assert load_checkpoint(run / "best").trained
    capsys.readouterr()
    words = ["evaluate", "--checkpoint", str(run), "--task", str(task), "--episodes", "2", "--json"]
    assert cli.main(words) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result["goal"] is None
    assert 0 <= result["success_rate"] <= result["ever_within"] <= 1
    assert result["mean_final_distance"] > 0


def test_the_graph_runs_and_records_the_in_process_episode_and_its_bag_is_relabelled(
    run, task, launch, read_bag, in_process, assert_same_run, tmp_path
):
    policy = run / "last"
    graph = launch(f"task:={task}", f"policy:={policy}", "episodes:=1", "seed:=3", "markers:=true")
    code, output = graph.wait(100)
    assert code == 0, output
    assert "Traceback" not in output
    assert graph.summary()["lost_messages"] == 0
    assert_same_run(read_bag(graph.out / "bag"), in_process(policy, seed=3))
    words = ["relabel", str(graph.out / "bag"), "--checkpoint", str(run), "--out", str(tmp_path / "relabelled")]
    assert cli.main(words) == 0
    recording, (relabelled,) = read_bags([graph.out / "bag"]), find_bags([tmp_path / "relabelled"])
    said = list(relabelled_messages(relabelled))
    assert len(said) == len(recording.episodes[0].subgoals[0].steps)


@pytest.mark.needs("gl")
def test_an_episode_is_filmed(run, task, tmp_path):
    film = tmp_path / "film.gif"
    hrl = Path(sys.executable).with_name("hrl")
    words = ["--checkpoint", str(run), "--task", str(task), "--out", str(film), "--speed", "10"]
    ended = subprocess.run([hrl, "video", *words], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    frames = imageio.imread(film, index=None)
    assert len(frames) > 1
    assert (frames[0] != frames[-1]).any()
