"""A position is found by the names of the elements, wherever it stands among them."""

import numpy as np
import pytest

from hrl_viz.places import Place

VECTOR = np.arange(5.0)


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (("a", "x", "y", "z", "b"), (1.0, 2.0, 3.0)),
        (("y", "a", "b", "c", "x"), (4.0, 0.0, 9.0)),
        (("a", "block_x", "b", "block_y", "c"), (1.0, 3.0, 9.0)),
        (("x", "vx", "a", "b", "c"), (0.0, 0.0, 9.0)),
        (("x", "z", "a", "b", "c"), (0.0, 0.0, 1.0)),
        # A pair goes before a lone x.
        (("x", "tip_x", "tip_y", "a", "b"), (1.0, 2.0, 9.0)),
    ],
)
def test_it_is_found(names, place):
    assert Place(names).of(VECTOR, height=9.0) == place


@pytest.mark.parametrize(("names", "prefix"), [(("pan", "lift", "vx"), None), (("x", "y"), "tip_"), (("x",), "tip_")])
def test_where_there_is_none_it_is_said(names, prefix):
    assert not Place(names, prefix).exists
