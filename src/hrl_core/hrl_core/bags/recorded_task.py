"""The task of recordings whose task nobody names."""

from collections.abc import Iterable
from pathlib import Path

from hrl_core.bags.description import describe
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import find_bags
from hrl_core.bags.reader import read_bags
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import parse_task


def recorded_task(paths: Iterable[Path]) -> TaskSpec:
    """Return the task of the first bag that tells it, from its metadata where they do.

    Raises:
        BagError: there is no bag, or none tells its task.
    """
    paths, unreadable = list(paths), list[str]()
    for bag in find_bags(paths):
        try:
            text = describe(bag).custom.get("task")
            task = parse_task(text, str(bag)) if text else read_bags([bag]).task
        except BagError as error:
            unreadable.append(str(error))
            continue
        if task is not None:
            return task
    if unreadable:
        raise BagError("; ".join(unreadable))
    places = ", ".join(map(str, paths))
    raise BagError(f"{places} do not tell their task (no run_info recorded): name it, for example task:=AntMaze")
