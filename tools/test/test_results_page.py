"""The page of results over seeds is made of the folders of sweeps alone: `make results` changes nothing on it."""

import json
import re
import shutil
from pathlib import Path

import pytest
import results_page

from hrl.results.held_out_record import AtGoal, Examined, HeldOut
from hrl.results.sweep_record import SweepRecord

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def docs(tmp_path):
    """The folder of a page of results that has a place for the table."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "results.md").write_text(f"Before.\n\n{results_page.BEGIN}old{results_page.END}\n\nBehind.\n")
    return folder


@pytest.fixture
def sweep(tmp_path):
    """A sweep of two seeds with everything that a run leaves, weights included."""
    folder = tmp_path / "runs" / "cart_pole_rates"
    SweepRecord(("--task", "cart_pole", "--algorithm", "flat", "--learner", "ppo"), {}, (0, 1)).write(folder)
    (folder / "about.md").write_text("Why this was run.\n")
    for seed in (0, 1):
        run = folder / f"seed_{seed}"
        (run / "last").mkdir(parents=True)
        (run / "last" / "weights.safetensors").write_bytes(b"weights")
        (run / "config.json").write_text(json.dumps({"task": "cart_pole", "seed": seed, "steps": 20}))
        rows = (
            {
                "env_steps": n,
                "cpu_seconds": 6.0 * n,
                "evaluation/own_goals/return": 4.5 * n,
                "evaluation/own_goals/episodes": 5,
            }
            for n in (10, 20)
        )
        (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (run / "provenance.json").write_text(json.dumps([{"git_commit": "0123456789"}]))
        one = Examined(20, (AtGoal(7, 90.0 + seed),))
        HeldOut(7, 3000017, {"best": one, "last": one}).write(run)
    return folder


def test_the_page_is_made_of_what_was_taken_in(sweep, docs):
    assert results_page.main([str(sweep), "--docs", str(docs)]) == 0
    page = (docs / "results_over_seeds.md").read_text()
    assert (
        "## cart pole rates\n\n![Curves over environment steps](images/sweep_cart_pole_rates.png)\n\nWhy this" in page
    )
    assert f"| cart_pole_rates | last | mean return | 90 91 |{' 90.5 [90, 91] |' * 3}" in page
    assert "| cart_pole_rates | 1 | 91 | 91 | 0.02 k / 0.02 k | 2.0 | 0123456 |" in page
    assert "--seeds 0:2 --held_out 7 --out runs/cart_pole_rates\n" in page
    kept = docs / "results" / "sweeps" / "cart_pole_rates"
    assert not list(kept.rglob("*.safetensors"))
    shutil.rmtree(sweep)
    before = {path: path.read_bytes() for path in docs.rglob("*") if path.is_file()}
    assert results_page.main(["--docs", str(docs)]) == 0
    assert {path: path.read_bytes() for path in docs.rglob("*") if path.is_file()} == before


def test_the_table_tells_each_combination_in_a_row_and_leaves_the_rest_of_the_page(sweep, docs):
    assert results_page.main([str(sweep), "--docs", str(docs)]) == 0
    page = (docs / "results.md").read_text()
    assert page.startswith(f"Before.\n\n{results_page.BEGIN}\n\n## Over seeds\n")
    assert page.endswith(f"\n```\n\n{results_page.END}\n\nBehind.\n")
    link = "[cart pole rates](results_over_seeds.md#cart-pole-rates)"
    assert f"| {link} | 0, 1 | 0.02 k | mean return | 90.5 [90, 91] | 90.5 [90, 91] | 4.0 | 0123456 |\n" in page
    assert "--seeds 0:2 --held_out 7 --out runs/cart_pole_rates\n```\n" in page


def test_a_row_tells_which_combination_it_is_of_and_what_is_not_known(sweep, docs):
    """Of seeds that have not been examined there are steps and cost, and no figures."""
    SweepRecord(("--task", "cart_pole"), {"worker.lr": ("0.1", "0.2")}, (0, 1)).write(sweep)
    for run in (sweep / "seed_0", sweep / "seed_1"):
        (run / "held_out.json").unlink()
        shutil.copytree(run, sweep / "lr=0.2" / run.name)
    assert results_page.main([str(sweep), "--docs", str(docs)]) == 0
    page = (docs / "results.md").read_text()
    link = "[cart pole rates](results_over_seeds.md#cart-pole-rates)"
    assert f"| {link}, lr=0.2 | 0, 1 | 0.02 k | - | - | - | 4.0 | 0123456 |\n" in page
    assert "lr=0.1 |" not in page, "none of its runs has been evaluated"


def test_a_page_without_a_place_for_the_table_is_refused_and_left_alone(sweep, docs, capsys):
    (docs / "results.md").write_text(f"Before. {results_page.BEGIN}")
    assert results_page.main([str(sweep), "--docs", str(docs)]) == 2
    assert "lacks the comments <!-- over seeds: begin --> and <!-- over seeds: end -->" in capsys.readouterr().err
    assert (docs / "results.md").read_text() == f"Before. {results_page.BEGIN}"


def test_what_is_no_sweep_is_refused_by_name(tmp_path, capsys):
    assert results_page.main([str(tmp_path), "--docs", str(tmp_path / "docs")]) == 2
    assert "is not the folder of a sweep: it has no sweep.json" in capsys.readouterr().err
    assert not (tmp_path / "docs").exists()


def test_the_page_that_is_there_is_that_of_its_folders(tmp_path):
    shutil.copytree(ROOT / "docs" / "results" / "sweeps", tmp_path / "results" / "sweeps")
    results_page.write_page(tmp_path)
    overview = (ROOT / "docs" / "results.md").read_text()
    (tmp_path / "results.md").write_text(overview)
    results_page.write_overview(tmp_path)
    assert overview == (tmp_path / "results.md").read_text(), "run: make results"
    page = (ROOT / "docs" / "results_over_seeds.md").read_text()
    assert page == (tmp_path / "results_over_seeds.md").read_text()
    assert all((ROOT / "docs" / picture).is_file() for picture in re.findall(r"\]\((images/[^)]*)\)", page))
