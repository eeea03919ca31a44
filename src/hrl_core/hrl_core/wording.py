"""Numbers and names in sentences."""


def counted(number: int, noun: str) -> str:
    """``1 bag``, ``2 bags``; for nouns whose plural ends in s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def encodable(text: object) -> str:
    """Text that every file takes: bytes that are no UTF-8, as the name of a folder may have, as escapes."""
    return str(text).encode(errors="backslashreplace").decode()
