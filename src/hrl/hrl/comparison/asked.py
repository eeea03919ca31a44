"""What comparisons are asked for on the command line: names of what there is, and budgets as people write them."""

from hrl_core.errors import HrlError, did_you_mean

_UNITS = {"k": 1_000, "M": 1_000_000}


def chosen(kind: str, names: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """Those of ``known`` that are named, in its order; none named: all.

    Raises:
        HrlError: there is no such row, or task; names the closest.
    """
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise HrlError(f"unknown {kind} '{name}'{hint}: choose of {', '.join(known)}")
    return tuple(name for name in known if not names or name in names)


def read_steps(text: str) -> int:
    """Environment steps from ``1M``, ``150k`` or ``2000000``.

    Raises:
        HrlError: it is none of them.
    """
    number, factor = text, 1
    if text[-1:] in _UNITS:
        number, factor = text[:-1], _UNITS[text[-1]]
    try:
        steps = round(float(number) * factor)
    except (ValueError, OverflowError):
        steps = 0
    if steps < 1:
        raise HrlError(f"--budget {text}: must be a number of environment steps, as 1M, 150k or 2000000")
    return steps
