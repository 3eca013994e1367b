"""One client's connection: dialled apart from the door, two links, one end.

It must never keep a socket open once it has ended, and never make anyone wait for its dialling.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping, Sequence

from chaoskit.proxy.addresses import dial
from chaoskit.proxy.chance import Chance
from chaoskit.proxy.exchanges import Exchanges
from chaoskit.proxy.httpfault import Requests, Responses
from chaoskit.proxy.link import Link
from chaoskit.proxy.pacing import Bandwidth, Latency, Slicer, SlowClose
from chaoskit.proxy.severing import LimitData, ResetPeer, Timeout
from chaoskit.proxy.stages import Ending, Stage
from chaoskit.proxy.toxics import STREAMS, Toxic

# A black hole answers nothing for two minutes if the kernel is left to it.
DIAL_TIMEOUT = 10.0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
STAGES: Mapping[str, type[Stage]] = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "slow_close": SlowClose,
    "timeout": Timeout,
    "reset_peer": ResetPeer,
    "slicer": Slicer,
    "limit_data": LimitData,
}


class Connection:
    """From an accepted client socket to its end; `gone` is called once, then."""

    def __init__(
        self,
        client: socket.socket,
        chance: Chance,
        buffer: memoryview,
        gone: Callable[[Connection], None],
    ) -> None:
        self._client, self._chance, self._buffer, self._gone = client, chance, buffer, gone
        self._upstream: socket.socket | None = None
        self._loop = asyncio.get_running_loop()
        self._dialling: asyncio.Task[None] | None = None
        self._exchanges: dict[str, Exchanges] = {}
        self.links: tuple[Link, ...] = ()
        self.closed = self.dial_failed = False

    def open(self, upstream: str, toxics: Callable[[], Sequence[Toxic]]) -> None:
        """Dial, then carry; `toxics` is asked once the dialling is done."""
        self._dialling = self._loop.create_task(self._dial(upstream, toxics))

    async def _dial(self, upstream: str, toxics: Callable[[], Sequence[Toxic]]) -> None:
        try:
            async with asyncio.timeout(DIAL_TIMEOUT):
                self._upstream = await dial(upstream)
        except OSError:  # also when the time is over
            self._dialling, self.dial_failed = None, True
            self.close()
            return
        self._dialling = None
        up, down = STREAMS
        self.links = (
            Link(self, up, self._client, self._upstream, self._buffer, self._loop),
            Link(self, down, self._upstream, self._client, self._buffer, self._loop),
        )
        self.refresh(toxics())

    def refresh(self, toxics: Sequence[Toxic]) -> None:
        """Toxics came, went, or changed their toxicity."""
        for link in self.links:
            if not self.closed:
                acting = [toxic for toxic in toxics if toxic.acts_on(link.direction)]
                link.refresh([toxic for toxic in acting if self._hit(toxic)], self._stage)

    def changed(self, toxic: Toxic) -> None:
        for link in self.links:
            if not self.closed:
                link.changed(toxic.name)

    def _hit(self, toxic: Toxic) -> bool:
        """Drawn once for this connection and toxic: raising toxicity only adds connections."""
        return self._chance.within(toxic.name).draw() < toxic.toxicity

    def _stage(self, toxic: Toxic, link: Link) -> Stage:
        chance = self._chance.within(toxic.name, link.direction)
        if toxic.type != "http":
            return STAGES[toxic.type](toxic, link, chance, self._loop)
        if link.direction == STREAMS[0]:
            shared = self._exchanges[toxic.name] = Exchanges()
            return Requests(toxic, link, chance, self._loop, shared)
        shared = self._exchanges[toxic.name]
        answers = Responses(toxic, link, chance, self._loop, shared)
        shared.wake = answers.go_on
        return answers

    def link_ended(self, ending: Ending) -> None:
        if ending is Ending.RESET:
            self.reset()
        elif ending is Ending.CLOSED or all(link.over for link in self.links):
            self.close()

    def reset(self) -> None:
        """Close both ends so that their peers see a reset, whenever they were opened."""
        for end in (self._client, self._upstream):
            if end is not None and not self.closed:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.close()

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self._dialling is not None:
            self._dialling.cancel()
        for link in self.links:
            link.stop()
        self._client.close()
        if self._upstream is not None:
            self._upstream.close()
        self._gone(self)
