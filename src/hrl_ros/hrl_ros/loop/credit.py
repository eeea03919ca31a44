"""How far the simulator may run ahead of its recorder."""


class Credit:
    """Compares what is published with what the recorder acknowledges, also across a restart of the recorder."""

    def __init__(self, window: int) -> None:
        """Nothing is published or acknowledged.

        Args:
            window: most observations published ahead of the acknowledgement.
        """
        self._window = window
        self._recorder: int | None = None
        self._count = self._before = 0

    @property
    def recorded(self) -> int:
        """Observations that need not be waited for: acknowledged, or lost with a recorder that died."""
        return self._before + self._count

    def acknowledge(self, recorder: int, count: int, published: int) -> bool:
        """Take in an acknowledgement; returns whether it comes from a recorder that was started anew.

        Args:
            recorder: id of the process.
            count: observations that the present recorder has taken.
            published: observations published so far.
        """
        anew = self._recorder not in (None, recorder)
        self._recorder = recorder
        if anew:
            # What its predecessor did not acknowledge may be lost; waiting for it would be for ever.
            self._before = published - count
        self._count = count
        return anew

    def spent(self, published: int) -> bool:
        """Whether the next step has to wait."""
        return published - self.recorded >= self._window
