"""The http toxic: answers, delays or rewrites a share of the requests of plain HTTP/1.1.

One stage sees the requests, the other their answers. What is not HTTP passes untouched. A
request that is answered here must never reach the upstream, not even a part of it.
"""

from __future__ import annotations

import asyncio

from chaoskit.proxy.chance import Chance
from chaoskit.proxy.exchanges import Exchange, Exchanges
from chaoskit.proxy.httpwire import (
    Body,
    Head,
    NotHttp,
    answer,
    begins_request,
    begins_response,
    request_body,
    response_body,
    take_head,
)
from chaoskit.proxy.stages import Ending, Receiver, Stage
from chaoskit.proxy.toxics import Toxic


class HttpStage(Stage):
    """What both directions have: a buffer, the message in it, and the way out of HTTP."""

    def __init__(
        self,
        toxic: Toxic,
        following: Receiver,
        chance: Chance,
        loop: asyncio.AbstractEventLoop,
        shared: Exchanges,
    ) -> None:
        super().__init__(toxic, following, chance, loop)
        self._shared = shared
        self._buffer = bytearray()
        self._body: Body | None = None
        self._dropping = False  # what is left of this message goes nowhere
        self._at = 0.0  # when that which is passed on came, or was let go

    def _work(self) -> None:
        """Step through what is there; from the first that is no HTTP on, all passes."""
        try:
            while not self._shared.tunnel and self._step():
                pass
        except NotHttp:
            self._shared.tunnel = True
            if self._dropping:
                self.following.end(Ending.CLOSED)
        if self._shared.tunnel:
            self._flush()
        self.held = len(self._buffer)

    def _step(self) -> bool:
        """One body's part or one head; False when more must come first. Raises NotHttp."""
        raise NotImplementedError

    def _flush(self) -> None:
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._pass(rest)

    def _pass(self, piece: bytes) -> None:
        if piece and not self._dropping:
            self.following.put(piece, self._at)


class Requests(HttpStage):
    """The way to the upstream."""

    def put(self, piece: bytes, at: float) -> None:
        self._buffer += piece
        self._at = at
        self._work()

    def end(self, ending: Ending) -> None:
        self._at = self.loop.time()
        self._flush()
        self.following.end(ending)

    def leave(self) -> None:
        if self._dropping:  # half a request is gone: what follows means nothing to upstream
            self.following.end(Ending.CLOSED)
        self._at = self.loop.time()
        self._flush()

    def _step(self) -> bool:
        if not self._buffer:
            return False
        if self._body is not None:
            self._pass(self._body.take(self._buffer))
            self._close_body()
            return True
        is_request = begins_request(self._buffer)
        if is_request is False:
            self._flush()
        found = take_head(self._buffer) if is_request else None
        if found is None:
            return False
        head, raw = found
        try:
            self._body = request_body(head)
        except NotHttp:
            self._buffer[:0] = raw
            raise
        exchange = self._judge(head)
        self._dropping = exchange.made is not None
        self._shared.waiting.append(exchange)
        self._pass(raw)
        self._close_body()
        if exchange.made is not None:
            self._shared.wake()
        return True

    def _close_body(self) -> None:
        if self._body is not None and self._body.done:
            self._body, self._dropping = None, False

    def _judge(self, head: Head) -> Exchange:
        method, toxic, at = head.method, self.toxic, self._at
        if self.choices.random() >= toxic["share"]:
            return Exchange(method, at)
        toxic.hits += 1
        # Whether a client that asked first still sends its body then cannot be known.
        alive = head.keeps_alive and not head.get("expect")
        hit = Exchange(method, at, toxic["delay"] / 1000, dict(toxic["header"]), toxic["body"])
        if toxic["status"]:
            hit.made = answer(toxic["status"], hit.header, hit.body or "", method, alive)
            hit.closes = not alive
        return hit


class Responses(HttpStage):
    """The way back: upstream's answers and those made here, in order."""

    _timer: asyncio.TimerHandle | None = None
    _waited: Exchange | None = None
    _ending: Ending | None = None

    def put(self, piece: bytes, at: float) -> None:
        self._buffer += piece
        self.go_on()

    def end(self, ending: Ending) -> None:
        self._ending = ending
        self.go_on()

    def leave(self) -> None:
        """Delays end now; what cannot be told any more ends the connection."""
        self.stop()
        for exchange in self._shared.waiting:
            exchange.delay = 0.0
        self.go_on()
        self._flush()
        if self._dropping or any(exchange.made for exchange in self._shared.waiting):
            self.following.end(Ending.CLOSED)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def go_on(self) -> None:
        """Answer what can be answered by now."""
        self._at = self.loop.time()
        self._work()
        if self._ending is not None and self._timer is None:
            self._flush()
            self.following.end(self._ending)

    def _step(self) -> bool:
        """One body's part, one head, or one answer of our own; False when there is none."""
        if self._timer is not None:
            return False
        if self._body is not None:
            return self._step_body(self._body)
        waiting = self._shared.waiting
        if not waiting:
            self._flush()
            return False
        if waiting[0].made is not None:
            return self._wait(waiting[0]) and self._say(waiting[0].made)
        return bool(self._buffer) and self._step_head(waiting[0])

    def _step_body(self, body: Body) -> bool:
        if not self._buffer:
            return False
        taken = body.take(self._buffer)
        self._pass(taken)
        if body.done:
            self._over()
        return bool(taken)

    def _over(self) -> None:
        self._body, self._dropping = None, False
        self._shared.waiting.popleft()

    def _wait(self, exchange: Exchange) -> bool:
        """Whether this answer's delay is over; otherwise a timer goes on then."""
        due = exchange.at + exchange.delay
        if exchange.made is None and self._waited is not exchange:
            self._waited, exchange.at = exchange, self.loop.time()
            due = exchange.at + exchange.delay
        if due <= self.loop.time():
            return True
        self._timer = self.loop.call_at(due, self._delay_over)
        return False

    def _delay_over(self) -> None:
        self._timer = None
        self.go_on()
        self.moved()

    def _say(self, made: bytes) -> bool:
        self._pass(made)
        if self._shared.waiting.popleft().closes:
            self.following.end(Ending.CLOSED)
        return True

    def _step_head(self, exchange: Exchange) -> bool:
        is_response = begins_response(self._buffer)
        if is_response is False:  # the rest of an answer that began before the toxic did
            self._flush()
        if not is_response or b"\r\n\r\n" not in self._buffer or not self._wait(exchange):
            if len(self._buffer) > 1 << 20 and self._timer is None:
                raise NotHttp("the head is too long")
            return False
        found = take_head(self._buffer)
        assert found is not None
        head, raw = found
        try:
            self._follow(exchange, head, raw)
        except NotHttp:
            self._buffer[:0] = raw
            raise
        return True

    def _follow(self, exchange: Exchange, head: Head, raw: bytes) -> None:
        """Pass a whole head on, and know what comes behind it; raises NotHttp before that."""
        if head.status == 101 or (exchange.method == "CONNECT" and head.status // 100 == 2):
            self._shared.tunnel = True
        if head.status < 200:
            self._pass(raw)
        else:
            self._begin(exchange, head, raw)

    def _begin(self, exchange: Exchange, head: Head, raw: bytes) -> None:
        self._body = response_body(head, exchange.method)
        if not exchange.header and exchange.body is None:
            self._pass(raw)
        else:
            self._pass(self._rewritten(exchange, head))
            self._dropping = exchange.body is not None
        if self._body.done:
            self._over()

    def _rewritten(self, exchange: Exchange, head: Head) -> bytes:
        for name, value in exchange.header.items():
            head.put(name, value)
        if exchange.body is None:
            return head.encode()
        content = exchange.body.encode()
        for name in ("Transfer-Encoding", "Content-Encoding", "Trailer"):
            head.drop(name)
        if head.status not in (204, 304):
            head.put("Content-Length", str(len(content)))
        silent = exchange.method == "HEAD" or head.status in (204, 304)
        return head.encode() + (b"" if silent else content)
