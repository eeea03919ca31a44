"""A film of HAC on Push Point with the critic's value as colour.

`python tools/value_film.py RUN --out film.gif`: RUN is the folder of a run of `hrl train --algorithm hac --task
push_point`, whose last policy acts; the colour of each place says what the manager's critic holds of it as a subgoal in
the present state, from blue (the worst that is on the picture) to yellow (the best). The cross is the subgoal in force.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console

from hrl.commands.train import make_trainer
from hrl.commands.train_arguments import parse_training
from hrl.film.frames import captioned, check_format, write_film
from hrl_core.algorithms.hac.agent import HacAgent
from hrl_core.algorithms.hac.learner import HacLearner
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.envs.push_point import PIXELS, PushPointEnv
from hrl_core.envs.runner import EnvRunner
from hrl_core.errors import HrlError
from hrl_core.hierarchy.rollout import EpisodeTrace, rollout
from hrl_core.learners.sac import SAC
from hrl_core.messages import Observation

Picture = npt.NDArray[np.uint8]
CELLS = 66
"""Places that are valued along each axis; PIXELS is a multiple of it."""
_CROSS = 5
"""Half the width of the mark of a subgoal [pixel]."""
_SHADES = 16
_AFTER = 10
"""Steps shown after the goal was reached first."""


def main() -> None:
    """Restore the critic, act, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--episodes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=2_000_000, help="of episodes that no training has seen")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    check_format(given.out)
    agent = restored(given.run)
    policy = load_checkpoint(given.run / "last")
    runner, hierarchy = EnvRunner(policy.task, given.seed), policy.stack(given.seed)
    env, frames = runner.env.unwrapped, list[Picture]()
    if not isinstance(env, PushPointEnv):
        raise HrlError(f"{given.run}: needs a run on push_point, or push_point_far")
    for episode in range(given.episodes):
        frames += pictures(env, agent, rollout(runner, hierarchy, episode))
    runner.close()
    write_film(frames, given.out, 12.5)


def restored(run: Path) -> HacAgent:
    """The learner as the run left it."""
    trainer = make_trainer(parse_training(["--resume", str(run)]), Console(quiet=True))
    trainer.begin(resume=True)
    learner = trainer.learner
    if not isinstance(learner, HacLearner) or learner.agent.hierarchy.parties != ("worker", "manager"):
        raise HrlError(f"{run}: needs a run of hac with two levels")
    if learner.agent.hierarchy.levels[0].space != "x_y":
        raise HrlError(f"{run}: needs subgoals of the point alone, which have a place")
    return learner.agent


def pictures(env: PushPointEnv, agent: HacAgent, trace: EpisodeTrace) -> Iterator[Picture]:
    """A picture of every other step, until shortly after the goal was reached."""
    reached = next((o.step for o in trace.observations if o.success), len(trace.observations))
    subgoals = {subgoal.step: subgoal.value for subgoal in trace.subgoals}
    subgoal = trace.subgoals[0].value
    for observation in trace.observations[: reached + _AFTER]:
        subgoal = subgoals.get(observation.step, subgoal)
        if observation.step % 2:
            continue
        env.restore(np.concatenate((observation.state, observation.desired_goal)))
        worth, places = values(agent, observation, env.places()), env.places()
        seen = env.picture(colours(worth))
        row, column = (int(np.abs(places - at).argmin()) for at in (-subgoal[1], subgoal[0]))
        mark(seen, row, column)
        words = f"step {observation.step}   value {worth.max():.1f}" + ("   goal reached" * observation.success)
        yield captioned(seen, words)


def values(agent: HacAgent, observation: Observation, places: npt.NDArray) -> npt.NDArray:
    """Q(s, subgoal) of the manager for the point at each place of a coarse picture, (CELLS, CELLS), rows along y."""
    learner = agent.networks["manager"]
    cells = places.reshape(CELLS, -1).mean(axis=1)
    x, y = np.meshgrid(cells, cells)
    subgoals = torch.tensor(np.stack((x.ravel(), y.ravel()), axis=1), dtype=torch.float32)
    inputs = torch.tensor(np.concatenate((observation.state, observation.desired_goal)), dtype=torch.float32)
    with torch.no_grad():
        features = learner.actor.features(inputs[None]).expand(len(subgoals), -1)
        scaled = (subgoals - learner.actor.centre) / learner.actor.half_range
        critics = learner.critics if isinstance(learner, SAC) else [learner.critic]
        return torch.stack([critic(features, scaled) for critic in critics]).amin(0).reshape(CELLS, CELLS).numpy()


def colours(worth: npt.NDArray) -> Picture:
    """Each cell's colour, shape (PIXELS, PIXELS, 3), pale enough for discs to stand out."""
    span = float(np.ptp(worth)) or 1.0
    # In steps, of which a film takes less room than of shades without end.
    shades = mpl.colormaps["viridis"].resampled(_SHADES)((worth - worth.min()) / span)[..., :3]
    pale = (255 * (0.35 + 0.65 * shades)).astype(np.uint8)
    times = PIXELS // CELLS
    return pale.repeat(times, axis=0).repeat(times, axis=1)


def mark(picture: Picture, row: int, column: int) -> None:
    """A cross."""
    for k in range(-_CROSS, _CROSS + 1):
        for at in ((row + k, column + k), (row + k, column - k)):
            if max(at) < PIXELS and min(at) >= 0:
                picture[at] = (190, 20, 20)


if __name__ == "__main__":
    main()
