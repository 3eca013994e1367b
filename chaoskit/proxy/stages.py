"""One place in a link's chain of toxics: what comes in, what is held, what goes on.

A stage belongs to one direction of one connection and to one toxic. It must never block, lose
data that its toxic does not mean to lose, or act after it was taken out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum, auto
from functools import cached_property
from math import inf
from random import Random
from typing import Protocol

from chaoskit.proxy.chance import Chance
from chaoskit.proxy.toxics import Toxic

# As much as Toxiproxy's buffer of 1024 chunks: latency hardly limits throughput.
ROOMY = 32 * 1024 * 1024
NARROW = 64 * 1024
# Released in one turn of the loop, so that one connection of tiny slices starves nobody.
AT_ONCE = 200


class Ending(Enum):
    """How a direction ends: its peer finished, or a toxic closes or resets the connection."""

    FINISHED = auto()
    CLOSED = auto()
    RESET = auto()


class Receiver(Protocol):
    """What a stage passes on to: the next stage, or the link's way out."""

    def put(self, piece: bytes, at: float) -> None: ...

    def end(self, ending: Ending) -> None: ...


class Stage:
    """Passes everything on at once; toxics change that."""

    capacity = ROOMY

    def __init__(
        self, toxic: Toxic, following: Receiver, chance: Chance, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.toxic, self.following, self.chance, self.loop = toxic, following, chance, loop
        self.held = 0
        self.moved: Callable[[], None] = lambda: None  # called when less is held than before

    @cached_property
    def choices(self) -> Random:
        """This stage's random choices; made when first needed, most toxics need none."""
        return self.chance.stream()

    def put(self, piece: bytes, at: float) -> None:
        """Take bytes that were received `at` (seconds of the loop's clock)."""
        self.following.put(piece, at)

    def end(self, ending: Ending) -> None:
        self.following.end(ending)

    def changed(self) -> None:
        """The toxic has new attributes."""

    def leave(self) -> None:
        """The toxic is gone: whatever is held goes on now."""

    def stop(self) -> None:
        """The connection is gone: nothing may happen any more."""


class Paced(Stage):
    """Holds pieces in order and lets each go when it is due."""

    def __init__(
        self, toxic: Toxic, following: Receiver, chance: Chance, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(toxic, following, chance, loop)
        self._queue: deque[tuple[bytes | Ending, float]] = deque()
        self._timer: asyncio.Handle | None = None
        self._due: float | None = None  # when the first of the queue may go
        self.last = -inf  # when the one before it was due

    def due(self, piece: bytes | Ending, at: float) -> float:
        """When the first piece may go, in seconds of the loop's clock; `inf`: not for now."""
        raise NotImplementedError

    def parts(self, piece: bytes) -> Iterable[bytes]:
        return (piece,)

    def put(self, piece: bytes, at: float) -> None:
        self.held += len(piece)
        self._queue.extend((part, at) for part in self.parts(piece))
        if self._timer is None:
            self._go_on()

    def end(self, ending: Ending) -> None:
        self._queue.append((ending, self.loop.time()))
        if self._timer is None:
            self._go_on()

    def changed(self) -> None:
        self._rest()
        self._due = None
        self._go_on()

    def leave(self) -> None:
        self._rest()
        while self._queue:
            self._release(self.loop.time())

    def stop(self) -> None:
        self._rest()
        self._queue.clear()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self) -> None:
        self._timer = None
        for _ in range(AT_ONCE):
            if not self._queue or not self._first_may_go():
                break
        else:
            self._timer = self.loop.call_soon(self._go_on)
        self.moved()

    def _first_may_go(self) -> bool:
        if self._due is None:
            self._due = self.due(*self._queue[0])
        due = self._due
        if due > self.loop.time():
            if due != inf:
                self._timer = self.loop.call_at(due, self._go_on)
            return False
        self._release(due)
        return True

    def _release(self, due: float) -> None:
        piece, at = self._queue.popleft()
        self._due, self.last = None, due
        if isinstance(piece, Ending):
            self.following.end(piece)
        else:
            self.held -= len(piece)
            # A following delay counts from when this one is over, not from the arrival.
            self.following.put(piece, max(at, due))
