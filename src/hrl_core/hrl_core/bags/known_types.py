"""Definitions of the stack's own messages, for bags that hold none, as ROS 2 Humble's are.

The recorded messages have had one layout from the first version on. Where a bag names a type's hash (Iron and newer)
it decides; a bag without one is read as this layout, and what does not fit it to the byte is refused.
"""

import os
from functools import lru_cache
from pathlib import Path

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

_PACKAGE = "hrl_msgs"


def known_definition(type_name: str, type_hash: str) -> str:
    """Text of a message definition with those it depends on; empty where it is not known, or another by its hash."""
    store = _installed(os.environ.get("AMENT_PREFIX_PATH", ""))
    if not type_name.startswith(f"{_PACKAGE}/") or type_name not in store.fielddefs:
        return ""
    if type_hash and type_hash != store.hash_rihs01(type_name):
        return ""
    return store.generate_msgdef(type_name, ros_version=2)[0]


@lru_cache(maxsize=2)
def _installed(prefixes: str) -> Typestore:
    """The definitions of the first prefix that has them."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    folders = [Path(prefix) / "share" / _PACKAGE / "msg" for prefix in prefixes.split(":") if prefix]
    for folder in filter(Path.is_dir, folders):
        for path in sorted(folder.glob("*.msg")):
            store.register(get_types_from_msg(path.read_text(), f"{_PACKAGE}/msg/{path.stem}"))
        break
    return store
