"""Numbers in sentences."""


def counted(number: int, noun: str) -> str:
    """``1 bag``, ``2 bags``; for nouns whose plural ends in s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
