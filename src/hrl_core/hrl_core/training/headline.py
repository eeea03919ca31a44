"""The one number that the best policy is chosen by, of the figures of an evaluation; who reads metrics asks it too."""

from collections.abc import Mapping, Sequence

SUCCESS, RETURN, IN_PLACE = "success_rate", "return", "in_place"
"""Names in the metrics of an evaluation at a goal."""


def headline_measure(of_groups: bool, of_goals: bool) -> str:
    """What counts: groups in place of a task whose success has groups, success of one with goals, else the return."""
    return IN_PLACE if of_groups else SUCCESS if of_goals else RETURN


def headline_figure(measure: str, goals: Sequence[Mapping[str, float]]) -> float:
    """The measure at the first goal; of groups how many are in place, mean over all goals.

    Args:
        measure: as ``headline_measure`` says.
        goals: figures at each goal, at least one; where nothing was asked for there is no ``in_place``.
    """
    if measure == IN_PLACE:
        return sum(goal.get(IN_PLACE, 0.0) for goal in goals) / len(goals)
    return goals[0][measure]
