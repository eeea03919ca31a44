"""What an evaluation comes to: named numbers, and the one that the best policy is chosen by."""

from collections.abc import Sequence

from hrl_core.task.spec import TaskSpec
from hrl_core.training.evaluate import EvaluationResult
from hrl_core.training.headline import IN_PLACE, RETURN, SUCCESS, headline_figure, headline_measure
from hrl_core.training.progress import OWN_GOALS


def headline_score(spec: TaskSpec, results: Sequence[EvaluationResult]) -> float | None:
    """What the best policy is chosen by (``headline_figure``); None: nothing was evaluated."""
    if not results:
        return None
    figures = [
        {SUCCESS: result.success_rate, RETURN: result.episode_return, IN_PLACE: result.in_place} for result in results
    ]
    return headline_figure(headline_measure(bool(spec.success.groups), bool(spec.goal)), figures)


def evaluation_metrics(result: EvaluationResult) -> dict[str, float]:
    """One evaluation as named numbers."""
    goal = "+".join(result.groups) or "_".join(f"{x:g}" for x in result.goal)
    name = "evaluation/" + (goal if result.goal else OWN_GOALS)
    grouped = {f"{name}/in_place": result.in_place} if result.groups else {}
    return {
        f"{name}/success_rate": result.success_rate,
        f"{name}/ever_within": result.ever_within,
        f"{name}/final_distance": result.final_distance,
        f"{name}/return": result.episode_return,
        f"{name}/episodes": result.episodes,
        **grouped,
    }
