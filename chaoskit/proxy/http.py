"""A small HTTP/1.1 server for the API: request line, headers, a body, keep-alive, limits.

Every request gets an answer, also one that is not understood. It must never let a slow or
endless client hold anything but its own connection.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from chaoskit.proxy.refusals import ApiRefusal

HEAD_LIMIT = 16 * 1024
BODY_LIMIT = 8 * 1024 * 1024
IDLE = 60.0  # seconds until a connection without a request is closed
PATIENCE = 15.0  # seconds for a begun request to arrive


@dataclass(frozen=True)
class Request:
    """`parts`: the path's segments, decoded after they were split."""

    method: str
    parts: tuple[str, ...]
    headers: dict[str, str]
    body: bytes = b""
    version: str = "HTTP/1.1"

    @property
    def keeps_alive(self) -> bool:
        wish = self.headers.get("connection", "").lower()
        return "close" not in wish and (self.version != "HTTP/1.0" or "keep-alive" in wish)


@dataclass(frozen=True)
class Answer:
    """`content` becomes JSON, unless it is text; None is no body."""

    status: int
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def encode(self, keep_alive: bool) -> bytes:
        is_text = isinstance(self.content, str)
        body = b"" if self.content is None else _encoded(self.content)
        kind = "text/plain; version=0.0.4; charset=utf-8" if is_text else "application/json"
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Type: {kind}"] if body else []
        lines += [f"Content-Length: {len(body)}"] if self.status != 204 else []
        lines += ["Connection: " + ("keep-alive" if keep_alive else "close"), "", ""]
        return "\r\n".join(lines).encode("latin-1") + body


def _encoded(content: Any) -> bytes:
    if isinstance(content, str):
        return content.encode()
    return json.dumps(content, separators=(",", ":")).encode()


Answering = Callable[[Request], Awaitable[Answer]]


class HttpServer:
    """Asks `answering` for an answer to each request of each connection."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Returns where it listens. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=HEAD_LIMIT)
        place: tuple[str, int] = self._server.sockets[0].getsockname()[:2]
        return place

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for session in list(self._sessions):
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        await asyncio.sleep(0)  # aborted transports close their sockets in the next turn
        if self._server is not None:
            await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio's would report its cancellation at the end as an error.
        session = asyncio.get_running_loop().create_task(self._session(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async for answer, keep_alive in self._exchange(reader, writer):
                writer.write(answer.encode(keep_alive))
                async with asyncio.timeout(PATIENCE):
                    await writer.drain()
        except (OSError, EOFError):
            writer.transport.abort()  # it went away or fell silent: nobody is left to be told
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> AsyncIterator[tuple[Answer, bool]]:
        while True:
            try:
                request = await _read_request(reader, writer)
            except ApiRefusal as refusal:  # where the next request begins is not known
                yield Answer(refusal.status, refusal.content()), False
                return
            answer = await self._answering(request)
            # A HEAD has no body in its answer; with one, only an end tells where the next begins.
            goes_on = request.keeps_alive and request.method != "HEAD"
            yield answer, goes_on
            if not goes_on:
                return


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    """Raises ApiRefusal for what is no request or too long a one; EOFError at the end."""
    try:
        async with asyncio.timeout(IDLE):
            first = await reader.readuntil(b"\n")
        async with asyncio.timeout(PATIENCE):
            lines = await _lines(reader, len(first))
    except (asyncio.LimitOverrunError, ValueError) as error:
        raise ApiRefusal(431, "request head too long") from error
    request = _parse(first, lines)
    if request.headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        body = await _body(reader, request.headers)
    return Request(request.method, request.parts, request.headers, body, request.version)


async def _lines(reader: asyncio.StreamReader, taken: int) -> list[bytes]:
    lines: list[bytes] = []
    while line := (await reader.readuntil(b"\n")).strip(b"\r\n"):
        taken += len(line)
        if taken > HEAD_LIMIT:
            raise ApiRefusal(431, "request head too long")
        lines.append(line)
    return lines


def _parse(first: bytes, lines: list[bytes]) -> Request:
    words = first.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise ApiRefusal(400, "expected an HTTP/1.1 request line")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or name != name.strip() or not name:
            raise ApiRefusal(400, f"expected a header line, not '{line.decode('latin-1')[:60]}'")
        headers[name.lower()] = value.strip()
    return Request(words[0], _parts(words[1]), headers, version=words[2])


def _parts(target: str) -> tuple[str, ...]:
    try:
        path = urlsplit(target).path
    except ValueError as error:
        raise ApiRefusal(400, f"no path: {target[:60]}") from error
    return tuple(unquote(part) for part in path.split("/")[1:])


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _chunks(reader)
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise ApiRefusal(400, f"Content-Length is a number, not '{length[:20]}'")
    return await _exactly(reader, int(length))


async def _exactly(reader: asyncio.StreamReader, length: int) -> bytes:
    if length > BODY_LIMIT:
        raise ApiRefusal(413, f"request body longer than {BODY_LIMIT} bytes")
    return await reader.readexactly(length)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = b""
    while True:
        try:
            size = int((await reader.readuntil(b"\n")).split(b";")[0], 16)
        except ValueError as error:
            raise ApiRefusal(400, "expected the length of a chunk") from error
        found += await _exactly(reader, size)
        if len(found) > BODY_LIMIT or size < 0:
            raise ApiRefusal(413, f"request body longer than {BODY_LIMIT} bytes")
        while (await reader.readuntil(b"\n")).strip(b"\r\n") and not size:
            pass
        if not size:
            return found
