"""The simulator runs at most a window ahead of its recorder, whichever process that is."""

from hypothesis import given
from hypothesis import strategies as st

from hrl_ros.loop.credit import Credit

WINDOW = 8


def test_a_window_without_acknowledgement_is_spent():
    credit = Credit(WINDOW)
    assert not credit.spent(WINDOW - 1)
    assert credit.spent(WINDOW)
    credit.acknowledge(1, 3, WINDOW)
    assert not credit.spent(WINDOW + 2)
    assert credit.spent(WINDOW + 3)


def test_a_recorder_started_anew_is_told_by_its_id_even_if_it_has_more_than_the_last():
    credit = Credit(WINDOW)
    assert not credit.acknowledge(1, 2, published=5)
    assert credit.acknowledge(2, 3, published=10)
    assert credit.recorded == 10


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 20), st.integers(0, 5)), max_size=30))
def test_after_an_acknowledgement_never_more_is_missing_than_was_sent_to_the_present_recorder(events):
    """Recorders count what they hear since they are there: each event is a recorder, its count, and new messages."""
    credit, published, present, start = Credit(WINDOW), 0, None, 0
    for recorder, count, new in events:
        published += new
        if recorder != present:
            # The first is there before anything is published.
            present, start = recorder, published if present else 0
        heard = min(count, published - start)
        credit.acknowledge(recorder, heard, published)
        assert start <= credit.recorded <= published
