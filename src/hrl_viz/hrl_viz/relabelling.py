"""What the off-policy correction makes of recorded subgoals, as messages for the markers; loads torch."""

from pathlib import Path

from hrl_core.algorithms.hiro.relabel_episodes import Relabelled, relabel_episodes, require_offsets
from hrl_core.bags.episodes import BagEpisode
from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hrl_core.networks.actor import Actor
from hrl_msgs import msg
from hrl_viz.recorded_ticks import RecordedRun


def relabel(checkpoint: Checkpoint, episodes: list[BagEpisode], candidates: int = 10) -> Relabelled:
    """Relabel every manager transition with the checkpoint's worker.

    Raises:
        CheckpointError: its subgoals are none that can be relabelled.
    """
    space = checkpoint.goal_space()
    require_offsets(space.level)
    worker = Actor.of_arrays(checkpoint.actor("worker"), checkpoint.level("worker"))
    return relabel_episodes(space, episodes, worker, candidates)[0]


def relabelled_subgoals(recording: RecordedRun, policy: Path) -> dict[tuple[int, int, int], msg.RelabelledSubgoal]:
    """Return (run, episode, step) -> relabelled subgoal.

    Raises:
        CheckpointError: the policy cannot be read, or chooses subgoals that cannot be relabelled.
        TaskError: it was made for another task.
    """
    checkpoint = load_checkpoint(policy)
    if recording.task is not None:
        checkpoint.require_task(recording.task)
    result = relabel(checkpoint, recording.episodes)
    found: dict[tuple[int, int, int], msg.RelabelledSubgoal] = {}
    for number, step, original, chosen, candidate in zip(
        result.episodes.tolist(), result.steps.tolist(), result.original, result.chosen, result.candidate, strict=True
    ):
        episode = recording.episodes[number]
        table = episode.subgoals[0]
        message = msg.RelabelledSubgoal(run=episode.key.run, robot=episode.key.robot, episode=episode.key.episode)
        message.step, message.seq = step, int(table.seqs[(table.steps == step).argmax()])
        message.state = episode.states[step].tolist()
        message.original, message.chosen = original.tolist(), chosen.tolist()
        message.candidate, message.policy_version = int(candidate), checkpoint.version
        found[episode.key.run, episode.key.episode, step] = message
    return found
