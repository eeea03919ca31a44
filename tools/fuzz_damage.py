"""Ways to damage a file at random, as disks, editors and people do."""

import json
import re
import struct
from random import Random
from typing import Any

_EXTREMES = (
    b"\xff" * 8,
    bytes(8),
    *(struct.pack("<Q", n) for n in (2**63, 2**63 - 1)),
    struct.pack("<d", float("nan")),
)
_WORDS = (
    ".inf", "-.inf", ".nan", "-1", "0", "010", "1e999", "10.7", "1:30", "yes", "null", "~", "[]", "{}", "''", "'", "é",
    "!!python/tuple x", "&a [*a]", "*b", "[[[[", '"\\ud800"', "a" * 5000, "9" * 5000, "18446744073709551616", "# x",
    "2026-01-01", "\t", "[" * 3000, "/etc/passwd", "../..", "[bold]", "[/]", "\x1b[31m", "\x00",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 10**30, 1.5, float("nan"), float("inf"), -1e308, "", "text", "[/]", "\x1b[31m", "9" * 5000,
    [], [1], {}, {"a": 1}, [[]] * 50, ["a"] * 8,
)  # fmt: skip
_WORD = re.compile(rb"[^\s,:{}\[\]]+")


def in_bytes(content: bytes, random: Random) -> bytes:
    """Bytes changed, cut off, taken out, doubled or put in, once to three times."""
    data = bytearray(content)
    for _ in range(random.randint(1, 3)):
        at, length = random.randrange(len(data) or 1), random.choice((1, 2, 8, 100, 5000))
        kind = random.randrange(7)
        if kind == 0:
            data[at : at + 1] = bytes([random.randrange(256)])
        elif kind == 1:
            data[at : at + 8] = random.choice(_EXTREMES)
        elif kind == 2:
            data[at : at + length] = random.randbytes(length)
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            del data[at : at + length]
        elif kind == 5:
            data[at:at] = data[at : at + length]
        else:
            data[at] ^= 1 << random.randrange(8)
        if not data:
            break
    return bytes(data)


def in_words(content: bytes, random: Random) -> bytes:
    """Numbers of eight bytes replaced by extreme ones where they stand, ten times: the form stays whole."""
    data = bytearray(content)
    for _ in range(10):
        at = random.randrange(0, len(data) - 8, 4)
        data[at : at + 8] = random.choice(_EXTREMES)
    return bytes(data)


def in_text(content: bytes, random: Random) -> bytes:
    """A word, a name or a line replaced, doubled, moved or taken out."""
    kind = random.randrange(6)
    lines = content.split(b"\n")
    at = random.randrange(len(lines))
    if kind == 0:
        lines.insert(at, lines[at])
    elif kind == 1:
        del lines[at]
    elif kind == 2:
        lines[at] = b" " * random.randrange(9) + lines[at].strip()
    elif kind == 3:
        return in_bytes(content, random)
    else:
        found = list(_WORD.finditer(content))
        place = random.choice(found)
        word = random.choice(_WORDS).encode()
        return content[: place.start()] + word + content[place.end() :]
    return b"\n".join(lines)


def in_json(content: bytes, random: Random) -> bytes:
    """One value of a JSON document replaced, taken out, or put under another name."""
    if random.random() < 0.2:
        return in_bytes(content, random)
    data = json.loads(content)
    holder: Any = data
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = random.choice(keys)
        inner = holder[key]
        if not (isinstance(inner, (dict, list)) and inner and random.random() < 0.8):
            break
        holder = inner
    kind = random.randrange(4)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[f"{key}_"] = holder.pop(key)
    else:
        holder[key] = random.choice(_VALUES)
    return json.dumps(data).encode()


def in_weights(content: bytes, random: Random) -> bytes:
    """Names, types, shapes or numbers of a safetensors file."""
    size = 8 + int.from_bytes(content[:8], "little")
    kind = random.randrange(4)
    if kind == 0:
        return in_bytes(content, random)
    if kind == 1:
        return content[:size] + in_words(content[size:], random)
    if kind == 2:
        return content.replace(b'"F32"', random.choice((b'"I32"', b'"F16"', b'"F64"', b'"U8"', b'"XYZ"')), 1)
    header = in_json(content[8:size], random)
    return len(header).to_bytes(8, "little") + header + content[size:]
