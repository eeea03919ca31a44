"""A policy is loaded only if it is what was announced and fits the task; a bad one is refused with its reason."""

import dataclasses
import hashlib
import json
import os
import time
import tracemalloc

import numpy as np
import pytest

from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.checkpoints.loading import (
    ALL,
    MANAGER,
    WORKER,
    LoadedPolicy,
    PolicyLoader,
    PolicyReference,
    Refusal,
    load_announced,
)
from hrl_core.errors import CheckpointError, TaskError
from hrl_core.hierarchy.spec import FLAT, hierarchy_of
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.randomness import outside_a_run


@pytest.fixture
def task(tiny_task):
    return tiny_task()


@pytest.fixture
def announced(task, tmp_path):
    """Save a changed policy and announce it."""

    def announce(name="new", party=ALL, weights=None, **change):
        checkpoint = dataclasses.replace(random_checkpoint(task, seed=3), version=4, **change)
        if weights is not None:
            checkpoint = dataclasses.replace(checkpoint, weights={**checkpoint.weights, **weights})
        folder = tmp_path / name
        save_checkpoint(checkpoint, folder)
        sha = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
        return PolicyReference(checkpoint.version, party, str(folder), sha, checkpoint.task.sha256)

    return announce


def test_what_was_announced_is_loaded(announced, task):
    checkpoint = load_announced(announced(), task, hierarchy_of(task))
    assert checkpoint.version == checkpoint.manager().version == checkpoint.worker().version == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 64}, "is not what was announced: sha256 "),
        ({"task_hash": "0" * 64}, "is not what was announced: task_hash "),
        ({"version": 5}, "is not what was announced: version 4, announced 5"),
        ({"file": "policies/new"}, "announce the absolute path"),
        ({"file": ""}, "announce the absolute path"),
        ({"file": "/nowhere"}, "is not a policy checkpoint: policy.json is missing"),
    ],
)
def test_false_announcement_is_refused(announced, task, change, message):
    with pytest.raises(CheckpointError, match=message):
        load_announced(announced()._replace(**change), task, hierarchy_of(task))


def test_policy_of_another_task_is_refused_by_the_field_that_differs(announced, task):
    other = dataclasses.replace(task, control_period=0.05)
    with pytest.raises(TaskError, match=r"control_period: 0\.05 != 0\.1"):
        load_announced(announced(task=other), task, hierarchy_of(task))


@pytest.mark.parametrize("party", [ALL, WORKER, MANAGER])
def test_a_policy_with_one_bad_level_is_refused_whole_whomever_it_is_for(announced, task, party):
    bias = random_checkpoint(task, seed=3).weights["worker.layers.0.bias"]
    bad = announced(party=party, weights={"worker.layers.0.bias": np.full_like(bias, np.nan)})
    with pytest.raises(
        CheckpointError, match=r"weights.safetensors: worker: tensor 'layers\.0\.bias' holds non-finite"
    ):
        load_announced(bad, task, hierarchy_of(task))


def test_network_of_another_size_is_refused(announced, task):
    actors = dict(random_checkpoint(task, 3).actors)
    actors["worker"] = dataclasses.replace(actors["worker"], hidden=(10, 10))
    with pytest.raises(
        CheckpointError, match=r"expected 32-bit floats of shape \(10, 7\), got float32 of shape \(300, 7\)"
    ):
        load_announced(announced(actors=actors), task, hierarchy_of(task))


def test_policy_of_another_hierarchy_is_refused_by_the_field_that_differs(announced, task):
    with pytest.raises(CheckpointError, match="the policy has another hierarchy: levels above the worker: 1 != 0"):
        load_announced(announced(), task, FLAT)


PRIVATE = "root:x:0:0:secret:/root:/bin/sh\npassword: secret\n"


@pytest.mark.parametrize("name", ["weights.safetensors", "policy.json", "task.yaml"])
def test_an_announced_policy_opens_nothing_outside_its_folder_and_quotes_nothing(announced, task, tmp_path, name):
    reference = announced()
    (tmp_path / "private").write_text(PRIVATE)
    (tmp_path / "new" / name).unlink()
    (tmp_path / "new" / name).symlink_to(tmp_path / "private")
    with pytest.raises((CheckpointError, TaskError), match=f"{name} is a link"):
        load_announced(reference, task, hierarchy_of(task))
    (tmp_path / "new" / name).unlink()
    (tmp_path / "new" / name).write_text(PRIVATE)
    with pytest.raises((CheckpointError, TaskError)) as caught:
        load_announced(reference, task, hierarchy_of(task))
    assert "secret" not in str(caught.value)


def test_six_gigabytes_of_weights_are_refused_unread_however_often_they_are_announced(announced, task, tmp_path):
    reference = announced()
    os.truncate(tmp_path / "new" / "weights.safetensors", 6_000_000_000)
    loader = PolicyLoader(task, hierarchy_of(task), lambda checkpoint: checkpoint.worker())
    tracemalloc.start()
    for _ in range(50):
        loader.submit(reference)
        outcome = fetch(loader)
        assert isinstance(outcome, Refusal)
        assert "6000000000 bytes, allowed are" in outcome.reason
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    loader.close()
    assert peak < 20e6


@pytest.mark.parametrize("share", np.linspace(0, 0.99, 7))
@pytest.mark.parametrize("name", ["weights.safetensors", "policy.json", "task.yaml"])
def test_half_written_file_is_refused(announced, task, tmp_path, name, share):
    reference = announced()
    path = tmp_path / "new" / name
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises((CheckpointError, TaskError)):
        load_announced(reference, task, hierarchy_of(task))


@pytest.mark.parametrize("manifest", [[], {}, {"format": 1, "weights_sha256": None}, 5])
def test_manifest_of_another_kind_is_refused(announced, task, tmp_path, manifest):
    reference = announced()
    (tmp_path / "new" / "policy.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="is damaged"):
        load_announced(reference, task, hierarchy_of(task))


def fetch(loader):
    end = time.monotonic() + 10
    while (outcome := loader.fetch()) is None:
        assert time.monotonic() < end
        time.sleep(0.001)
    return outcome


def test_loader_answers_in_order_and_survives_what_it_refuses(announced, task):
    def build(checkpoint):
        if checkpoint.seed == 99:
            raise ZeroDivisionError("a bug")
        return checkpoint.worker()

    loader = PolicyLoader(task, hierarchy_of(task), build)
    assert loader.fetch() is None
    good, bug = announced("good"), announced("bug", seed=99)
    references = [good._replace(sha256=""), bug, good]
    for reference in references:
        loader.submit(reference)
    outcomes = [fetch(loader) for _ in references]
    assert [o.reference for o in outcomes] == references
    assert isinstance(outcomes[0], Refusal)
    assert isinstance(outcomes[1], Refusal)
    assert "a bug" in outcomes[1].reason
    assert isinstance(outcomes[2], LoadedPolicy)
    assert not loader.busy
    loader.close()


def test_policy_built_in_the_thread_acts_like_one_built_here(announced, task):
    reference = announced()
    loader = PolicyLoader(task, hierarchy_of(task), lambda checkpoint: checkpoint.worker())
    loader.submit(reference)
    loaded = fetch(loader)
    assert isinstance(loaded, LoadedPolicy)
    here = load_announced(reference, task, hierarchy_of(task)).worker()
    for state in np.random.default_rng(0).normal(size=(20, 4)):
        both = [
            policy.act(state, Assignment(np.ones(3, np.float32)), outside_a_run()) for policy in (loaded.policy, here)
        ]
        assert both[0].value.tobytes() == both[1].value.tobytes()
    loader.close()
