"""One direction of one connection: from a socket, through its stages, to the other socket.

Without stages bytes go straight from one socket to the other; with stages each piece carries
the time of its arrival. What cannot be written stops the reading: it must never pile up without
bound, and never lose what a toxic did not take.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from chaoskit.proxy.stages import Ending, Receiver, Stage
from chaoskit.proxy.toxics import Toxic

StageFor = Callable[[Toxic, "Link"], Stage | None]


class Owner(Protocol):
    """The connection, as far as a link knows it."""

    def link_ended(self, ending: Ending) -> None: ...


class Link:
    """Reads `source`, writes `sink`; `buffer` is shared by all links of one loop."""

    def __init__(
        self,
        owner: Owner,
        direction: str,
        source: socket.socket,
        sink: socket.socket,
        buffer: memoryview,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.owner, self.direction, self.loop = owner, direction, loop
        self._source, self._sink, self._buffer = source, sink, buffer
        self._receive, self._send = source.recv_into, sink.send
        self._source_fd, self._sink_fd = source.fileno(), sink.fileno()
        self.stages: dict[str, Stage] = {}
        self._unsent = bytearray()
        self._first: Receiver = self
        self._ending: Ending | None = None  # passed the last stage, waits for what is unsent
        self._reading = self._exhausted = self.over = self._stopped = False
        self.received = self.sent = 0

    def start(self) -> None:
        self._adjust()

    def stop(self) -> None:
        """The connection closes: let go of both sockets."""
        self._stopped = True
        for stage in self.stages.values():
            stage.stop()
        self._read(False)
        self.loop.remove_writer(self._sink_fd)

    def refresh(self, toxics: Sequence[Toxic], stage_for: StageFor) -> None:
        """Bring the chain in line with `toxics`, keeping the stages that stay."""
        wanted = {toxic.name: toxic for toxic in toxics}
        for name in [name for name in self.stages if name not in wanted]:
            self._take_out(name)
        if self._stopped:
            return
        before, self.stages = self.stages, {}
        for name, toxic in wanted.items():
            stage = before.get(name) or stage_for(toxic, self)
            if stage is not None:
                stage.moved = self._adjust
                self.stages[name] = stage
        self._chain()
        self._adjust()

    def changed(self, name: str) -> None:
        """A toxic has new attributes."""
        if name in self.stages and not self._stopped:
            self.stages[name].changed()
            self._adjust()

    def _take_out(self, name: str) -> None:
        self.stages[name].leave()
        self.stages[name].stop()
        del self.stages[name]
        self._chain()

    def _chain(self) -> None:
        following: Receiver = self
        for stage in reversed(self.stages.values()):
            stage.following = following
            following = stage
        self._first = following

    def _readable(self) -> None:
        try:
            count = self._receive(self._buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # reset by its peer: what came before still goes on
            self._exhaust(Ending.CLOSED)
            return
        if not count:
            self._exhaust(Ending.FINISHED)
            return
        self.received += count
        if not self.stages:
            self._write(self._buffer[:count])
        else:
            self._first.put(bytes(self._buffer[:count]), self.loop.time())
            self._adjust()

    def _exhaust(self, ending: Ending) -> None:
        self._exhausted = True
        self._adjust()
        self._first.end(ending)

    def put(self, piece: bytes, at: float) -> None:
        """The way out of the chain (`Receiver`)."""
        if self._ending is None and not self._stopped:
            self._write(piece)

    def end(self, ending: Ending) -> None:
        if self.over or (self._ending is not None and ending is not Ending.RESET):
            return
        self._ending = ending
        if ending is not Ending.FINISHED:
            self._exhausted = True
            self._adjust()
        if ending is Ending.RESET or not self._unsent:
            self._finish()

    def _write(self, piece: bytes | memoryview) -> None:
        if self._unsent:
            self._unsent += piece
            return
        try:
            sent = self._send(piece)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._sink_gone()
            return
        self.sent += sent
        if sent < len(piece):
            self._unsent += piece[sent:]
            self.loop.add_writer(self._sink_fd, self._writable)
            self._adjust()

    def _writable(self) -> None:
        try:
            sent = self._send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._sink_gone()
            return
        self.sent += sent
        del self._unsent[:sent]
        if not self._unsent:
            self.loop.remove_writer(self._sink_fd)
            if self._ending is None:
                self._adjust()
            else:
                self._finish()

    def _sink_gone(self) -> None:
        # Only this direction is over: what the other one still holds is delivered first.
        self._unsent.clear()
        self.loop.remove_writer(self._sink_fd)
        self._ending, self._exhausted = Ending.FINISHED, True
        self._adjust()
        self.over = True
        self.owner.link_ended(Ending.FINISHED)

    def _finish(self) -> None:
        assert self._ending is not None
        self.over = True
        if self._ending is Ending.FINISHED:
            with suppress(OSError):  # its peer has gone first, which is what was to be said
                self._sink.shutdown(socket.SHUT_WR)
        self.owner.link_ended(self._ending)

    def _adjust(self) -> None:
        """Read only while what was read finds room."""
        if self._stopped:
            return
        room = not self._unsent and not self._exhausted
        self._read(room and all(stage.held <= stage.capacity for stage in self.stages.values()))

    def _read(self, wanted: bool) -> None:
        if wanted is self._reading:
            return
        self._reading = wanted
        if wanted:
            self.loop.add_reader(self._source_fd, self._readable)
        else:
            self.loop.remove_reader(self._source_fd)
