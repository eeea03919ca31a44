"""`hrl bag` knows skills: what a recording says of them is checked, and what is wrong is said in words."""

import pytest

from hrl.cli import main
from hrl_core.messages import NAN, Action, Subgoal, SubgoalKind, SubgoalResult

OPTIONS, WALKS, TREE = "option_critic_four_rooms_point", "mlsh_ant_two_walks", "tree_lane_drive"


def changed(kind, change, **key):
    """What makes messages of ``kind`` with the fields of ``key`` other ones, or leaves them out: None."""

    def make(said):
        chosen = isinstance(said, kind) and all(getattr(said, name) == value for name, value in key.items())
        return (None if change is None else said._replace(**change)) if chosen else said

    return make


TOLD = {
    OPTIONS: ["manager (skill: option_0, option_1, option_2, option_3), worker"],
    WALKS: ["manager (skill: skill_0, skill_1), worker"],
    TREE: ["Nav: Avoid, Cross, Recover", "ChangeLane: ChangeLeft, ChangeRight"],
}


@pytest.mark.parametrize("policy", TOLD)
def test_what_shipped_policies_do_is_sound_and_told_by_the_names_of_their_skills(
    record, tmp_path, policy, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "400")
    bag = record(tmp_path / "bag", policy)
    code = main(["bag", "check", str(bag)])
    assert code == 0, capsys.readouterr().out
    assert main(["bag", "info", str(bag)]) == 0
    told = capsys.readouterr().out
    assert all(words in told for words in TOLD[policy])


# By the trace of seed 3: an option of 6 steps; a drive whose first path is Nav > Avoid > StayInLane.
DAMAGES = {
    "no such skill": (
        OPTIONS,
        changed(Subgoal, {"skill_id": 7}, seq=0),
        "skill 7 at step 0; level 0 has 0 to 3: option_0, option_1, option_2, option_3 - the episode is left out",
    ),
    "a number below": (OPTIONS, changed(Subgoal, {"skill_id": -1}, seq=0), "skill -1 at step 0; level 0 has 0 to 3"),
    "no skill": (OPTIONS, changed(Subgoal, {"kind": SubgoalKind.RELATIVE}, seq=0), "no skill, but kind 1, at step 0"),
    "a level too many": (
        OPTIONS,
        changed(Subgoal, {"level": 3}, seq=0),
        "level 3, and the hierarchy of the run has 1 - the episode is left out",
    ),
    "a result of a level too many": (
        WALKS,
        changed(SubgoalResult, {"level": 1}, seq=2),
        "level 1, and the hierarchy of the run has 1",
    ),
    "no last result": (OPTIONS, changed(SubgoalResult, None, episode=0), "the segment of subgoal 0 has no result"),
    "no probability of a skill": (
        WALKS,
        changed(Subgoal, {"log_probability": NAN}, seq=1),
        "subgoal 1 was drawn, and the log-probability is missing",
    ),
    "no probability of actions": (
        OPTIONS,
        lambda said: said._replace(log_probability=NAN) if isinstance(said, Action) and said.step in (2, 3) else said,
        "the action of step 2 to 3 has no log-probability, though others of the same skill have",
    ),
    "no child": (
        TREE,
        changed(Subgoal, {"skill_id": 3}, seq=0, level=0),
        "subgoal 0: 'TurnLeft' is no child of 'Avoid', whose children are: StayInLane, ChangeLane",
    ),
    "a child of another": (
        TREE,
        changed(Subgoal, {"skill_id": 1}, seq=0, level=1),
        "subgoal 0: 'ChangeLane' is no child of 'Nav', whose children are: Avoid, Cross, Recover",
    ),
    "no end of a composite": (
        TREE,
        changed(SubgoalResult, None, seq=1, level=1),
        "level 1: the segment of subgoal 1 has no result",
    ),
    "a hole in a path": (TREE, changed(Subgoal, None, seq=2, level=1), "the path of subgoal 2 lacks its level 1"),
}


@pytest.mark.parametrize(("policy", "change", "words"), DAMAGES.values(), ids=DAMAGES)
def test_what_is_wrong_with_skills_is_said_in_words(record, tmp_path, policy, change, words, capsys):
    bag = record(tmp_path / "bag", policy, episodes=2, change=change)
    assert main(["bag", "check", str(bag)]) == 1
    assert f"episode 0: {words}" in capsys.readouterr().out
