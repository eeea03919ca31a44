"""A storage file alone is a bag in every command that takes bags."""

import fuzz_seeds
import pytest

from hrl.cli import main

SMALL = (
    "--updates 4 --checkpoint_updates 2 --evaluation_episodes 1 --evaluation_episodes_elsewhere 1 "
    "--worker.hidden 8 8 --manager.hidden 8 8 --material.modes EVAL"
).split()
COMMANDS = [
    ("bag", "info", "@"),
    ("bag", "check", "@"),
    ("bag", "recover", "@", "--out", "%/bag"),
    ("bag", "export", "@", "--to", "parquet", "--out", "%/tables"),
    ("report", "@", "--policy", "!/policy", "--out", "%/page.html"),
    ("relabel", "@", "--checkpoint", "!/policy", "--out", "%/relabelled"),
    ("train", "--from-bags", "@", "--task", "!/task.yaml", "--out", "%/run", *SMALL),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files") / "sound"
    fuzz_seeds.make(folder)
    return folder


@pytest.mark.parametrize("file", ["zstd/zstd.mcap", "sqlite/sqlite.db3"])
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "_".join(words[:2]))
def test_every_command_takes_a_storage_file(sound, file, words, tmp_path, capsys):
    places = {"@": str(sound / file), "!": str(sound), "%": str(tmp_path)}
    code = main([places.get(word[:1], "") + word[1:] if word[0] in places else word for word in words])
    assert code == 0, "".join(capsys.readouterr())


def test_episodes_can_be_played_from_a_storage_file(sound):
    from hrl_viz.recorded_ticks import open_recording

    alone, whole = (open_recording([sound / name]) for name in ("zstd/zstd.mcap", "zstd"))
    assert len(alone.ticks(1)) == fuzz_seeds.STEPS + 1
    assert alone.ticks(1) == whole.ticks(1)
    assert alone.run_infos == whole.run_infos
