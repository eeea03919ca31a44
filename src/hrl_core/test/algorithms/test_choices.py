"""Steps as a master sees them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.algorithms.choices import Lived, segments
from hrl_core.learners.on_policy import Rollout


@given(
    st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.booleans()), min_size=1, max_size=12), st.integers(0, 99)
)
def test_segments_hold_every_reward_once_and_end_where_their_last_step_does(parts, seed):
    # Each part: its length, and whether its last step ends an episode, by itself or by the clock.
    rng, lengths = np.random.default_rng(seed), [length for length, _, _ in parts]
    count, last = sum(lengths), np.cumsum(lengths) - 1
    terminal, boundary = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    terminal[last] = [over for _, over, _ in parts]
    boundary[last] = [over or cut for _, over, cut in parts]
    begins = np.zeros(count, np.bool_)
    begins[np.append(0, last[:-1] + 1)] = True
    steps = np.arange(count, dtype=np.float32)[:, None]
    # Whole numbers: sums of them are exact in any order.
    rewards = rng.integers(-9, 9, count).astype(np.float32)
    rows = Rollout(steps, steps, rewards, steps + 1, terminal, boundary)
    seen = segments(Lived(rows, rng.integers(4, size=count), begins))
    assert seen.rewards.sum() == rewards.sum()
    assert seen.rewards.tolist() == [part.sum() for part in np.split(rewards, last[:-1] + 1)]
    assert seen.inputs[:, 0].tolist() == (last + 1 - lengths).tolist()
    assert seen.next_inputs[:, 0].tolist() == (last + 1).tolist()
    assert seen.terminal.tolist() == terminal[last].tolist()
    assert seen.boundary.tolist() == boundary[last].tolist()
