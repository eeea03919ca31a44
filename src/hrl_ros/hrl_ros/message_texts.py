"""The stack's own message definitions, as installed with the interfaces."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory


def message_texts() -> list[tuple[str, str]]:
    """Type name and ``.msg`` text of every message."""
    folder = Path(get_package_share_directory("hrl_msgs")) / "msg"
    return [(f"hrl_msgs/msg/{path.stem}", path.read_text()) for path in sorted(folder.glob("*.msg"))]
