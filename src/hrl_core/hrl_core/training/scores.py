"""What an evaluation comes to: named numbers, and the one that the best policy is chosen by."""

from collections.abc import Sequence

from hrl_core.task.spec import TaskSpec
from hrl_core.training.evaluate import EvaluationResult
from hrl_core.training.progress import OWN_GOALS


def headline_score(spec: TaskSpec, results: Sequence[EvaluationResult]) -> float | None:
    """What the best policy is chosen by: success at the first goal, or the return of tasks without goals.

    Of a task with groups it is how many are in place, over all goals.
    """
    if not results:
        return None
    if spec.success.groups:
        return sum(result.in_place for result in results) / len(results)
    return results[0].success_rate if spec.goal else results[0].episode_return


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
