"""Just enough of HTTP/1.1's framing to tell where each message of a stream begins and ends.

It must never guess: what it does not understand is said to be no HTTP, and passes untouched.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

METHODS = tuple(
    f"{name} ".encode()
    for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
)
HEAD_LIMIT = 64 * 1024
BODILESS = (204, 304)


class NotHttp(Exception):
    """These bytes follow no framing that is known here."""


def begins_request(buffer: bytes | bytearray) -> bool | None:
    """Whether a request begins here; None while too little is there to tell."""
    if not buffer.startswith(METHODS):
        start = bytes(buffer[:8])
        return None if any(method.startswith(start) for method in METHODS) else False
    line, newline, _ = buffer.partition(b"\n")
    if newline:
        return line.rstrip(b"\r").endswith((b" HTTP/1.1", b" HTTP/1.0"))
    return None if len(buffer) <= HEAD_LIMIT else False


def begins_response(buffer: bytes | bytearray) -> bool | None:
    start = bytes(buffer[:7])
    if start == b"HTTP/1.":
        return True
    return None if b"HTTP/1.".startswith(start) else False


@dataclass
class Head:
    """A start line and its fields; names keep their spelling."""

    first: str
    fields: list[tuple[str, str]]

    def get(self, name: str) -> str:
        """All values of a field, joined by a comma, in lower case."""
        found = [value for key, value in self.fields if key.lower() == name]
        return ", ".join(found).lower()

    def put(self, name: str, value: str) -> None:
        """Replace a field, or add it."""
        self.drop(name)
        self.fields.append((name, value))

    def drop(self, name: str) -> None:
        self.fields = [pair for pair in self.fields if pair[0].lower() != name.lower()]

    @property
    def method(self) -> str:
        return self.first.split(" ", 1)[0]

    @property
    def status(self) -> int:
        words = self.first.split(" ", 2)
        if len(words) < 2 or len(words[1]) != 3 or not words[1].isdigit():
            raise NotHttp(self.first)
        return int(words[1])

    @property
    def keeps_alive(self) -> bool:
        wish = self.get("connection")
        return "close" not in wish and ("HTTP/1.0" not in self.first or "keep-alive" in wish)

    def encode(self) -> bytes:
        lines = [self.first, *(f"{name}: {value}" for name, value in self.fields), "", ""]
        return "\r\n".join(lines).encode("latin-1")


def take_head(buffer: bytearray) -> tuple[Head, bytes] | None:
    """The head at the buffer's start, taken off it, and its bytes as they were.

    None while it is not complete; raises NotHttp.
    """
    stop = buffer.find(b"\r\n\r\n")
    if stop < 0:
        if len(buffer) > HEAD_LIMIT:
            raise NotHttp("the head is too long")
        return None
    lines = buffer[:stop].decode("latin-1").split("\r\n")
    fields = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise NotHttp(line)
        fields.append((name, value.strip()))
    raw = bytes(buffer[: stop + 4])
    del buffer[: stop + 4]
    return Head(lines[0], fields), raw


class Body:
    """Counts through one message's body."""

    def __init__(self, head: Head, length: int | None) -> None:
        """`length`: what holds where the head does not say; None is until the end."""
        self._chunked = head.get("transfer-encoding").endswith("chunked")
        stated = head.get("content-length")
        if stated and not self._chunked and length is None:
            length = _number(stated, 10)
        self._left, self._trailer = length, False
        if self._chunked:
            self._left = 0
        self.done = not self._chunked and self._left == 0

    def take(self, buffer: bytearray) -> bytes:
        """The part of the buffer that belongs to the body, taken off it; raises NotHttp."""
        taken = bytearray()
        try:
            self._take(buffer, taken)
        except NotHttp:
            buffer[:0] = taken
            raise
        return bytes(taken)

    def _take(self, buffer: bytearray, taken: bytearray) -> None:
        while buffer and not self.done:
            if self._left is None or self._left:
                count = len(buffer) if self._left is None else min(self._left, len(buffer))
                taken += buffer[:count]
                del buffer[:count]
                if self._left is not None:
                    self._left -= count
                    self.done = not self._chunked and not self._left
            elif not self._take_line(buffer, taken):
                return

    def _take_line(self, buffer: bytearray, taken: bytearray) -> bool:
        stop = buffer.find(b"\n") + 1
        if not stop:
            if len(buffer) > HEAD_LIMIT:
                raise NotHttp("the line is too long")
            return False
        line = bytes(buffer[:stop]).strip()
        if self._trailer:
            self.done = not line
        else:
            size = _number(line.split(b";")[0].decode("latin-1"), 16)
            # With each chunk goes the line end behind it.
            self._left, self._trailer = (size + 2 if size else 0), not size
        taken += buffer[:stop]
        del buffer[:stop]
        return True


def request_body(head: Head) -> Body:
    stated = head.get("content-length") or head.get("transfer-encoding")
    return Body(head, None if stated else 0)


def response_body(head: Head, method: str) -> Body:
    """How long a response's body is also depends on what was asked."""
    if method == "HEAD" or head.status in BODILESS:
        return Body(Head(head.first, []), 0)
    return Body(head, None)


def _number(text: str, radix: int) -> int:
    digits = text.strip().lower()
    if not digits or set(digits) - set("0123456789abcdef"[:radix]):
        raise NotHttp(f"'{text}' is no length")
    return int(digits, radix)


def answer(status: int, header: dict[str, str], body: str, method: str, alive: bool) -> bytes:
    """A whole response of our own."""
    known = {code.value: code.phrase for code in HTTPStatus}
    head = Head(f"HTTP/1.1 {status} {known.get(status, 'Fault')}", [])
    content = body.encode()
    head.put("Content-Type", "text/plain; charset=utf-8")
    for name, value in header.items():
        head.put(name, value)
    if status not in BODILESS:
        head.put("Content-Length", str(len(content)))
    head.put("Connection", "keep-alive" if alive else "close")
    silent = method == "HEAD" or status in BODILESS
    return head.encode() + (b"" if silent else content)
