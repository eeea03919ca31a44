"""Three restarts in sixty seconds, then none until the window has moved on."""

from hrl_core.control.restart_budget import RestartBudget


def test_the_fourth_restart_within_the_window_is_refused():
    budget = RestartBudget(limit=3, window=60.0)
    assert [budget.take(now) for now in (0.0, 1.0, 2.0, 3.0)] == [True, True, True, False]


def test_restarts_are_allowed_again_when_the_window_has_passed():
    budget = RestartBudget(limit=1, window=60.0)
    assert budget.take(0.0)
    assert not budget.take(59.9)
    assert budget.take(60.0)
    assert budget.used == 1
