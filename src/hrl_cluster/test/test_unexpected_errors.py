"""What one node fails with by mistake costs its own call, and is told in one line; room is that of single nodes."""

import logging

import pytest

from hrl_cluster.connection import Cluster, Node
from hrl_core.errors import HrlError


def test_an_unexpected_error_of_one_node_is_the_outcome_of_its_call_and_its_traceback_is_logged(world, caplog):
    # Not before Ray is played.
    from hrl_cluster.calls import Calls

    def work(item):
        return 12 // item

    with caplog.at_level(logging.ERROR):
        outcomes = {one.item: one for one in Calls(work).outcomes([3, 0, 2], 3)}
    assert [outcomes[item].result for item in (3, 2)] == [4, 6]
    error = outcomes[0].error
    assert isinstance(error, HrlError)
    assert (
        str(error) == "unexpected error: ZeroDivisionError: integer division or modulo by zero (the log has it whole)"
    )
    assert caplog.text.count("unexpected error") == 1


@pytest.mark.parametrize(("cores", "room"), [(1, 20), (3, 5), (8, 2), (9, 0)])
def test_what_takes_many_cores_has_room_on_single_nodes_only(cores, room):
    nodes = tuple(Node(name, held, name) for name, held in (("a", 8.0), ("b", 8.5), ("c", 4.0), ("head", 0.0)))
    assert Cluster("10.0.0.1:6379", nodes).room_for(cores) == room
