"""The shipped rviz configuration, fitted to a namespace: topics and fixed frame."""

import os
from pathlib import Path
from typing import Any

import yaml

from hrl_core.errors import HrlError

FILE_NAME = "hrl.rviz"
_TOPIC_KEYS = ("Topic",)


def shipped_config() -> Path:
    """Find ``hrl.rviz``; raises ``HrlError`` when it is not installed."""
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(":") if prefix]
    places = [prefix / "share" / "hrl" / "rviz" / FILE_NAME for prefix in prefixes]
    for place in (*places, Path(__file__).resolve().parents[2] / "rviz" / FILE_NAME):
        if place.is_file():
            return place
    raise HrlError(f"the rviz configuration {FILE_NAME} is not installed; build the workspace (make setup)")


def rviz_config(namespace: str, frame: str) -> str:
    """Return the configuration as text.

    Args:
        namespace: of the stack, without slashes at its ends, empty for the root.
        frame: the task's frame, without prefix.

    Raises:
        HrlError: the shipped file is missing.
    """
    config = yaml.safe_load(shipped_config().read_text())
    manager = config["Visualization Manager"]
    manager["Global Options"]["Fixed Frame"] = f"{namespace}/{frame}" if namespace else frame
    for part in (*manager["Displays"], *manager["Tools"]):
        _move(part, namespace)
    return yaml.safe_dump(config, sort_keys=False)


def _move(part: dict[str, Any], namespace: str) -> None:
    """Put the topics of a display or tool into a namespace; the shipped ones are of the root."""
    for key in _TOPIC_KEYS:
        topic = part.get(key)
        if isinstance(topic, dict) and topic.get("Value"):
            topic["Value"] = f"/{namespace}{topic['Value']}" if namespace else topic["Value"]
