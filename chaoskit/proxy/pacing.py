"""The toxics that delay: latency, bandwidth, slicer, slow_close.

Due times are absolute and follow from one another, so that a timer's lateness (1 ms) never adds
up. They must never change, drop or reorder a byte.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from math import inf

from chaoskit.proxy.stages import NARROW, Ending, Paced


class Latency(Paced):
    """Each piece waits for latency ± jitter; the end follows the last piece without delay."""

    def due(self, piece: bytes | Ending, at: float) -> float:
        if isinstance(piece, Ending):
            return -inf
        delay, jitter = self.toxic["latency"] / 1000, self.toxic["jitter"] / 1000
        if jitter:
            delay += self.choices.uniform(-jitter, jitter)
        return float(at + delay)


class Bandwidth(Paced):
    """At most `rate` KB/s (of 1000 bytes) on this connection; 0 stalls."""

    capacity = NARROW

    def parts(self, piece: bytes) -> Iterator[bytes]:
        size = max(self.toxic["rate"] * 100, 1) if self.toxic["rate"] else len(piece)
        return (piece[start : start + size] for start in range(0, len(piece), size))

    def due(self, piece: bytes | Ending, at: float) -> float:
        if isinstance(piece, Ending):
            return -inf
        rate = self.toxic["rate"] * 1000
        return max(self.last, at) + len(piece) / rate if rate else inf

    def changed(self) -> None:
        # What waited under a lower rate is paced by the new one from now on.
        self.last = max(self.last, self.loop.time()) if self._queue else -inf
        self._queue = deque(
            (part, at)
            for piece, at in self._queue
            for part in ((piece,) if isinstance(piece, Ending) else self.parts(piece))
        )
        super().changed()


class Slicer(Paced):
    """Cuts each piece in slices of about average_size, `delay` microseconds apart."""

    capacity = NARROW

    def parts(self, piece: bytes) -> Iterator[bytes]:
        size, variation = self.toxic["average_size"], self.toxic["size_variation"]
        cuts = slices(0, len(piece), size, variation, self.choices)
        return (piece[start:stop] for start, stop in cuts)

    def due(self, piece: bytes | Ending, at: float) -> float:
        return float(max(self.last + self.toxic["delay"] / 1_000_000, at))


def slices(
    start: int, stop: int, size: int, variation: int, choices: random.Random
) -> Iterator[tuple[int, int]]:
    """Halves until a part is at most size + variation bytes, in order."""
    waiting = [(start, stop)]
    while waiting:
        start, stop = waiting.pop()
        if stop - start - size <= variation:
            yield start, stop
            continue
        middle = start + (stop - start) // 2
        if variation:
            middle += choices.randrange(-variation, variation)
        waiting += [(middle, stop), (start, middle)]


class SlowClose(Paced):
    """Data passes at once, the end waits for `delay`."""

    def due(self, piece: bytes | Ending, at: float) -> float:
        return float(at + self.toxic["delay"] / 1000) if isinstance(piece, Ending) else -inf
