"""The page "hrl as a library" runs as it stands, and what it calls public is there."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "library.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PUBLIC = re.findall(r"^\| (`hrl_core[^|]*) \| ([^|]*) \|$", PAGE, re.MULTILINE)


def test_the_blocks_of_the_page_run_one_after_the_other(tmp_path, monkeypatch, simple, write_bag, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    write_bag(tmp_path / "recording", simple(episodes=2).messages)
    names = {}
    for block in BLOCKS:
        assert len(block.strip().splitlines()) <= 13
        exec(compile(block, "docs/library.md", "exec"), names)
    assert names["trace"].result.success
    assert len(names["recording"].episodes) == 2
    assert (tmp_path / "runs" / "library" / "best" / "policy.json").is_file()
    assert "point_maze 500" in capsys.readouterr().out


@pytest.mark.parametrize(("modules", "names"), PUBLIC)
def test_every_public_name_is_there(modules, names):
    found = [importlib.import_module(module) for module in re.findall(r"`(hrl_core[\w.]*)`", modules)]
    wanted = re.findall(r"`(\w+)`", names)
    assert found and wanted
    for name in wanted:
        assert any(hasattr(module, name) for module in found), name
