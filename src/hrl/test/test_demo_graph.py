"""A recording is done again only as it was recorded, or it would lead to other states."""

import numpy as np
import pytest

from hrl.commands.imported_bag import write_bag
from hrl.graphs.demo import demo_graph
from hrl.graphs.demonstration_arguments import DemonstrationArguments
from hrl_core.errors import HrlError
from hrl_core.imports.episodes import ForeignEpisode, imported
from hrl_core.task.text import load_task


@pytest.fixture
def again(tmp_path):
    """Describes the graph that does a recording again."""

    def make(recording, task="four_rooms_point", **more):
        words = {"task": task, "demonstrator": "replay", "recording": str(recording), "out": str(tmp_path / "out")}
        return demo_graph(DemonstrationArguments(**{**words, "episodes": 1, "seed": 3, **more}))

    return make


@pytest.mark.parametrize("randomise", ["", "delay=0:0.06,loss=0.05"])
def test_a_recording_is_done_again_with_its_own_randomisation_alone(record, again, tmp_path, randomise):
    bag = record(tmp_path / "bag", "option_critic_four_rooms_point", randomise=randomise)
    assert again(bag, randomise=randomise).nodes
    for other in {"", "delay=0:0.06,loss=0.05", "loss=0.2"} - {randomise}:
        with pytest.raises(HrlError, match="its episodes differ from the task by") as refused:
            again(bag, randomise=other)
        assert f"by {randomise or 'nothing'}, those asked for by {other or 'nothing'}" in str(refused.value)
        assert str(refused.value).endswith(f"randomise:={randomise}")


def test_what_was_imported_cannot_be_done_again(again, tmp_path):
    task = load_task("point_maze")
    size, actions = len(task.observation), len(task.action)
    still = ForeignEpisode(np.zeros((2, size)), np.zeros((1, actions)), np.zeros(1), True)
    write_bag(tmp_path / "bag", task, list(imported(task, [still], "there")), 7, "minari push")
    with pytest.raises(HrlError, match=r"is imported from minari push: no seed leads to its states again"):
        again(tmp_path / "bag", task="point_maze", seed=0)
