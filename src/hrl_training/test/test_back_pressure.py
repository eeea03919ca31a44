"""Simulators wait while the trainer is behind, and for no trainer that has stopped."""

from types import SimpleNamespace
from typing import Any

import pytest

from hrl_training.back_pressure import BackPressure
from hrl_training.trainer_node import TrainerNode

LIMIT = 10


class Simulators:
    """Stands for the node and its clients; remembers who was told what."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []
        self.gone: set[str] = set()
        self.answered = True

    def create_client(self, _kind: object, place: str) -> Any:
        def call_async(request: Any) -> Any:
            self.told.append((place, request.paused))
            return SimpleNamespace(done=lambda: self.answered)

        return SimpleNamespace(service_is_ready=lambda: place not in self.gone, call_async=call_async)

    def held_by(self, limit: int = LIMIT, takes_over: bool = False) -> BackPressure:
        node: Any = self
        return BackPressure(node, ["a", "b"], limit, takes_over)


@pytest.fixture
def simulators() -> Simulators:
    return Simulators()


def everybody(paused: bool) -> list[tuple[str, bool]]:
    return [(f"/{name}/set_paused", paused) for name in "ab"]


def stop(pressure: BackPressure) -> TrainerNode:
    node = TrainerNode.__new__(TrainerNode)
    node._pressure = pressure
    node.stop()
    return node


def test_who_is_held_goes_on_when_the_trainer_stops_and_is_held_again_when_it_is_back(simulators: Simulators) -> None:
    pressure = simulators.held_by()
    pressure.update(LIMIT + 1)
    stop(pressure)
    assert simulators.told == everybody(True) + everybody(False)
    pressure.update(LIMIT + 1)
    assert simulators.told[4:] == everybody(True)


def test_who_is_not_held_is_told_nothing(simulators: Simulators) -> None:
    pressure = simulators.held_by()
    pressure.update(LIMIT)
    stop(pressure)
    stop(simulators.held_by(limit=0, takes_over=True))
    assert simulators.told == []


def test_whom_an_earlier_trainer_may_hold_goes_on(simulators: Simulators) -> None:
    stop(simulators.held_by(takes_over=True))
    assert simulators.told == everybody(False)


def test_a_simulator_that_is_gone_is_neither_told_nor_waited_for(simulators: Simulators) -> None:
    pressure = simulators.held_by()
    pressure.update(LIMIT + 1)
    simulators.gone, simulators.answered = {"/a/set_paused"}, False
    node = stop(pressure)
    assert simulators.told[2:] == [("/b/set_paused", False)]
    assert node.busy()
    node._work()
    assert len(simulators.told) == 3, "while it is waited for nobody is held again"
    simulators.gone.add("/b/set_paused")
    assert not node.busy()
    simulators.gone.clear()
    simulators.answered = True
    assert not node.busy()
