"""Definitions of the stack's own messages, for bags that hold none, as ROS 2 Humble's are.

Some of the recorded messages have had two layouts, the present one and a first one without the fields of
``hrl_core.bags.added_fields``. Where a bag names a type's hash (Iron and newer) it decides; a topic without one is read
with the layout that its first message fits to the byte, and what does not fit that one is refused.
"""

import os
from functools import lru_cache
from pathlib import Path

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from hrl_core.bags.added_fields import older_text
from hrl_core.bags.cdr_layout import Layout
from hrl_core.bags.topic import Topic

_PACKAGE = "hrl_msgs"


def known_definition(topic: Topic, type_hash: str, message: bytes) -> str:
    """Text of a message definition with those it depends on; empty where none is known, or none of that hash.

    Args:
        topic: without a definition.
        type_hash: of its type; empty: not told.
        message: the first one, serialised; empty: there is none.
    """
    known = _definitions(topic.type, type_hash, os.environ.get("AMENT_PREFIX_PATH", ""))
    fitting = (text for text in known if len(known) == 1 or _fits(topic._replace(definition=text), message))
    return next(fitting, known[0] if known else "")


@lru_cache(maxsize=64)
def _definitions(type_name: str, type_hash: str, prefixes: str) -> tuple[str, ...]:
    """Different definitions of that name and hash, the present one first."""
    if not type_name.startswith(f"{_PACKAGE}/"):
        return ()
    stores = [s for s in (_installed(prefixes, older) for older in (False, True)) if type_name in s.fielddefs]
    hashes = {store.hash_rihs01(type_name): store for store in reversed(stores)}
    texts = [s.generate_msgdef(type_name, ros_version=2)[0] for h, s in hashes.items() if type_hash in ("", h)]
    return tuple(reversed(texts))


def _fits(topic: Topic, message: bytes) -> bool:
    try:
        Layout(topic).lengths(message)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4)
def _installed(prefixes: str, older: bool) -> Typestore:
    """The definitions of the first prefix that has them, as they are or as they were at first."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    folders = [Path(prefix) / "share" / _PACKAGE / "msg" for prefix in prefixes.split(":") if prefix]
    for folder in filter(Path.is_dir, folders):
        for path in sorted(folder.glob("*.msg")):
            name, text = f"{_PACKAGE}/msg/{path.stem}", path.read_text()
            store.register(get_types_from_msg(older_text(name, text) if older else text, name))
        break
    return store
