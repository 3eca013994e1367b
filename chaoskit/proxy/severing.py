"""The toxics that end a connection: timeout, reset_peer, limit_data.

They must never end one that their toxicity spared.
"""

from __future__ import annotations

import asyncio

from chaoskit.proxy.chance import Chance
from chaoskit.proxy.stages import Ending, Receiver, Stage
from chaoskit.proxy.toxics import Toxic


class Timeout(Stage):
    """Drops all data; closes once nothing has come for `timeout` ms (0: never by itself)."""

    def __init__(
        self, toxic: Toxic, following: Receiver, chance: Chance, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(toxic, following, chance, loop)
        self._timer: asyncio.TimerHandle | None = None
        self._since = loop.time()
        self._look()

    def put(self, piece: bytes, at: float) -> None:
        self._since = at

    def changed(self) -> None:
        self.stop()
        self._since = self.loop.time()
        self._look()

    def leave(self) -> None:
        self.stop()
        # Bytes are missing: going on would hand the peer a stream with a hole in it.
        self.following.end(Ending.CLOSED)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        if not self.toxic["timeout"]:
            return
        due = self._since + self.toxic["timeout"] / 1000
        if due <= self.loop.time():
            self.following.end(Ending.CLOSED)
        else:
            self._timer = self.loop.call_at(due, self._look)


class ResetPeer(Stage):
    """Resets both ends `timeout` ms after the first data (or end); what comes is dropped."""

    def __init__(
        self, toxic: Toxic, following: Receiver, chance: Chance, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(toxic, following, chance, loop)
        self._timer: asyncio.TimerHandle | None = None
        self._since: float | None = None

    def put(self, piece: bytes, at: float) -> None:
        if self._since is None:
            self._since = self.loop.time()
            self._arm()

    def end(self, ending: Ending) -> None:
        self.put(b"", 0)

    def changed(self) -> None:
        self.stop()
        if self._since is not None:
            self._arm()

    def leave(self) -> None:
        self.stop()
        if self._since is not None:  # it was on its way, and bytes are missing
            self.following.end(Ending.RESET)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        due = (self._since or 0) + self.toxic["timeout"] / 1000
        if due <= self.loop.time():
            self.following.end(Ending.RESET)
        else:
            self._timer = self.loop.call_at(due, self.following.end, Ending.RESET)


class LimitData(Stage):
    """Closes once `bytes` bytes have gone through; counted for each connection."""

    def __init__(
        self, toxic: Toxic, following: Receiver, chance: Chance, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(toxic, following, chance, loop)
        self._passed = 0

    def put(self, piece: bytes, at: float) -> None:
        allowed = piece[: max(0, self.toxic["bytes"] - self._passed)]
        if allowed:
            self._passed += len(allowed)
            self.following.put(allowed, at)
        if self._passed >= self.toxic["bytes"]:
            self.following.end(Ending.CLOSED)
