"""A task specification written from an environment, for its author to go on with."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hrl_core.envs.survey import PERIOD, Survey

_HEAD = """\
# {about}, described from {steps} random steps by `hrl task new`.
# Fill in names, units and frames; the ranges behind observation elements are those seen. See docs/your_environment.md.
name: {name}
env_id: {env_id}
env_kwargs: {kwargs}
max_episode_steps: {limit}
control_period: {period:g}{period_note}
frame: odom
"""
_GOAL_SPACES = """\

# Spaces for subgoals, of which who trains chooses one. Ranges are relative to where the worker is: twice the way that
# random actions made in {period} steps, or a tenth of the way to the goal where that is more.
goal_spaces:
  goal:
"""
_NO_GOAL_SPACES = """\

# Without a goal nothing is offered to managers. Where one is to lead, name elements of the observation and how far from
# where the worker is:  goal_spaces: {{place: {{{name}: [-1.0, 1.0]}}}}
"""


def task_text(name: str, options: Mapping[str, Any], seen: Survey) -> str:
    """The specification as YAML with notes."""
    period_note = "" if seen.time_step_known else "  # [s] not told by the environment"
    head = _HEAD.format(
        about=seen.env_id,
        env_id=_quoted(seen.env_id),
        steps=len(seen.states),
        name=_quoted(name),
        kwargs=_quoted(dict(options)),
        limit=seen.max_episode_steps,
        period=seen.time_step,
        period_note=period_note,
    )
    text = head + "\n".join([*_layout(seen), *_success(seen)]) + "\n"
    if not seen.goal_names:
        return text + _NO_GOAL_SPACES.format(name=seen.observation_names[0])
    return text + _GOAL_SPACES.format(period=min(PERIOD, seen.max_episode_steps)) + _ranges(seen)


def _quoted(value: object) -> str:
    """A value that nothing within makes another, a name like 2024 no number: JSON is YAML too."""
    return json.dumps(value, ensure_ascii=False)


def _layout(seen: Survey) -> Iterator[str]:
    yield "observation:"
    columns = zip(seen.observation_names, seen.states.min(axis=0), seen.states.max(axis=0), strict=True)
    for name, low, high in columns:
        yield f"  - {_element(name)}  # {low:.3g} to {high:.3g}"
    yield "action:"
    for name, low, high in zip(seen.action_names, seen.action_low, seen.action_high, strict=True):
        choices = f", choices: [{', '.join(seen.choices)}]" if seen.choices else ""
        yield f'  - {{name: {json.dumps(name)}, unit: "1", low: {float(low)!r}, high: {float(high)!r}{choices}}}'
    if not seen.goal_names:
        yield "goal: []"
        return
    yield "goal:  # achieved_goal and desired_goal; the same names in the observation"
    for name in seen.goal_names:
        yield f"  - {_element(name)}"


def _element(name: str) -> str:
    return f'{{name: {json.dumps(name)}, unit: "1", frame: "-"}}'


def _success(seen: Survey) -> Iterator[str]:
    if seen.tells_success:
        yield 'success: {radius: 0.0, unit: "1"}  # 0: info["is_success"] of the environment; or a distance to the goal'
    elif not seen.goal_names:
        yield 'success: {radius: -1.0, unit: "1"}  # none: it is measured by its return'
        return
    else:
        radius = float(f"{seen.distance / 10:.1g}") or 0.1
        yield f'success: {{radius: {radius!r}, unit: "1"}}  # a tenth of the way to the goal: set what success is'
    yield "evaluation_goals: []  # goals to evaluate at, the first is the headline; none: those the environment draws"


def _ranges(seen: Survey) -> str:
    pairs = zip(seen.goal_names, seen.reach.tolist(), strict=True)
    return "".join(f"    {json.dumps(name)}: [{-reach!r}, {reach!r}]\n" for name, reach in pairs)
