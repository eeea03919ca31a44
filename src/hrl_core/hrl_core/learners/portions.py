"""Updates whose batches are drawn together."""

DRAWN_TOGETHER = 8
"""Most of them: one gather of rows instead of several."""


def portions(updates: int) -> list[int]:
    """Split due updates into portions whose batches are drawn together."""
    whole, rest = divmod(updates, DRAWN_TOGETHER)
    return [DRAWN_TOGETHER] * whole + [rest] * (rest > 0)
