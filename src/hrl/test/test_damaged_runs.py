"""Files of a run that are JSON but not what is expected are told, whatever reads them."""

import json
import shutil

import pytest

from hrl import cli
from hrl.results.pictures import put_whole
from hrl_core.errors import HrlError
from hrl_core.training.run_files import RunFolder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run that has been evaluated once."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    words = "--algorithm flat --task point_maze --steps 60 --learning_starts 30 --worker.hidden 8 --num_envs 2"
    assert cli.main(["train", *words.split(), "--evaluation_episodes", "1", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


@pytest.mark.parametrize("text", ["[]", "null", "{}", '{"task": 3, "seed": 0}', '{"task": "point_maze", "seed": "x"}'])
@pytest.mark.parametrize("words", [["train", "--resume"], ["plot"]])
def test_a_configuration_that_is_none_is_told(run, text, words, capsys):
    (run / "config.json").write_text(text)
    assert cli.main([*words, str(run)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "config.json is damaged" in line


@pytest.mark.parametrize("text", ["[1, 2]", '{"git_commit": "x"}', "null"])
def test_a_history_of_starts_that_is_none_is_told(run, text, capsys):
    (run / "provenance.json").write_text(text)
    assert cli.main(["train", "--resume", str(run)]) == 2
    assert "provenance.json is damaged" in capsys.readouterr().err


def test_what_is_left_of_a_line_of_metrics_is_skipped(run):
    rows = RunFolder(run).metrics()
    path = run / "metrics.jsonl"
    path.write_text("5\n[1]\n" + path.read_text() + '{"env_st')
    assert json.dumps(RunFolder(run).metrics()) == json.dumps(rows)


def test_a_picture_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HrlError, match="cannot write"), put_whole(tmp_path / "file" / "x.png"):
        raise AssertionError("nothing is to be drawn")
