"""One proxy: its door, its connections, its toxics.

Every change is done at once and in one turn of the loop: there is nothing to wait for, so
nothing can hang. It must never dial inside the accepting.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import Counter
from functools import partial
from typing import Any

from chaoskit.proxy.addresses import join, listening, split
from chaoskit.proxy.chance import Chance
from chaoskit.proxy.connection import Connection
from chaoskit.proxy.refusals import ApiRefusal, no_toxic
from chaoskit.proxy.toxics import STREAMS, Json, Toxic

BURST = 64  # accepted in one turn, so that a storm of clients starves no connection
PAUSE = 0.1  # seconds without accepting when the process has run out of descriptors


class Proxy:
    """A named way from `listen` (canonical) to `upstream`; made disabled."""

    def __init__(
        self, name: str, listen: str, upstream: str, chance: Chance, buffer: memoryview
    ) -> None:
        self.name, self.listen, self.upstream = name, listen, upstream
        self._chance, self._buffer = chance.within(name), buffer
        self._loop = asyncio.get_running_loop()
        self._door: socket.socket | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self.connections: set[Connection] = set()
        self.toxics: dict[str, Toxic] = {}
        self.accepted = self.dial_failures = 0
        self._past: Counter[str] = Counter()

    @property
    def enabled(self) -> bool:
        return self._door is not None

    def enable(self) -> None:
        """Open the door; fine when it is open. Raises ApiRefusal (500), as Toxiproxy does."""
        if self._door is not None:
            return
        try:
            self._door = listening(self.listen)
        except OSError as error:
            said = "address already in use" if error.errno == errno.EADDRINUSE else reason(error)
            raise ApiRefusal(500, f"listen tcp {self.listen}: bind: {said}") from error
        # Only the port is news: without IPv6 `[::]` is served on IPv4, and stays what was asked.
        self.listen = join(split(self.listen)[0], self._door.getsockname()[1])
        self._loop.add_reader(self._door.fileno(), self._accept)

    def disable(self) -> None:
        """Close the door and every connection; toxics stay."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._door is not None:
            self._loop.remove_reader(self._door.fileno())
            self._door.close()
            self._door = None
        for connection in list(self.connections):
            connection.close()

    def move(self, listen: str, upstream: str) -> None:
        """Other addresses: it is disabled by that, and every connection ends."""
        self.disable()
        self.listen, self.upstream = listen, upstream

    def delete(self) -> None:
        self.disable()
        self.forget_toxics()

    def _accept(self) -> None:
        assert self._door is not None
        for _ in range(BURST):
            try:
                client, _ = self._door.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # out of descriptors: a moment later one may be free
                self._loop.remove_reader(self._door.fileno())
                self._pause = self._loop.call_later(PAUSE, self._accept_again)
                return
            self._take(client)

    def _accept_again(self) -> None:
        self._pause = None
        if self._door is not None:
            self._loop.add_reader(self._door.fileno(), self._accept)

    def _take(self, client: socket.socket) -> None:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.accepted += 1
        chance = self._chance.within(self.accepted)
        connection = Connection(client, chance, self._buffer, self._gone)
        self.connections.add(connection)
        connection.open(self.upstream, lambda: tuple(self.toxics.values()))

    def _gone(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self.dial_failures += connection.dial_failed
        self._past.update(counted(connection))

    def add(self, toxic: Toxic) -> None:
        """Raises ApiRefusal (409) when there is one of that name."""
        if toxic.name in self.toxics:
            raise ApiRefusal(409, "toxic already exists")
        self.toxics[toxic.name] = toxic
        self._expire(toxic)
        self._refresh()

    def toxic(self, name: str) -> Toxic:
        if name not in self.toxics:
            raise no_toxic()
        return self.toxics[name]

    def change(self, name: str, wish: Json) -> Toxic:
        toxic = self.toxic(name)
        toxic.change(wish)
        if "ttl" in wish:
            self._expire(toxic)
        self._refresh()
        for connection in list(self.connections):
            connection.changed(toxic)
        return toxic

    def remove(self, name: str) -> None:
        """Raises ApiRefusal (404)."""
        self.toxic(name)
        self._drop(name)

    def forget_toxics(self) -> None:
        for name in list(self.toxics):
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._stop_expiry(name)
        del self.toxics[name]
        self._refresh()

    def _expire(self, toxic: Toxic) -> None:
        self._stop_expiry(toxic.name)
        if toxic.ttl:
            after = partial(self._drop, toxic.name)
            self._expiries[toxic.name] = self._loop.call_later(toxic.ttl / 1000, after)

    def _stop_expiry(self, name: str) -> None:
        timer = self._expiries.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _refresh(self) -> None:
        for connection in list(self.connections):
            connection.refresh(tuple(self.toxics.values()))

    def traffic(self) -> Counter[str]:
        """Bytes `received` and `sent` by direction, live connections included."""
        return sum((counted(connection) for connection in self.connections), Counter(self._past))

    def listed_toxics(self) -> list[Json]:
        """Upstream ones first, as Toxiproxy lists them."""
        order = sorted(self.toxics.values(), key=lambda toxic: STREAMS.index(toxic.stream))
        return [toxic.listed() for toxic in order]

    def listed(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "connections": len(self.connections),
            "toxics": self.listed_toxics(),
        }


def counted(connection: Connection) -> Counter[str]:
    return Counter(
        {
            f"{what} {link.direction}": getattr(link, what)
            for link in connection.links
            for what in ("received", "sent")
        }
    )


def reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)
