"""One question to one node, in its own protocol: does it answer?

A bare connect proves little (a frozen process still accepts), so a ping asks and waits for the
first bytes of an answer. It must never raise for a node that is silent: silence is an answer.
"""

from __future__ import annotations

import re
import socket
import struct
import time

from chaoskit.model.system import Ping

ASK_AGAIN = 0.05
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_HTTP_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})")


def ping(address: str, question: Ping, timeout: float = 1.0) -> bool:
    """Whether `address` answers `question` within `timeout` seconds, connects included.

    http: any status below 500; redis: `+` or `-`; postgres: `S` or `N` to an SSLRequest;
    tcp: the connection is accepted. One that refuses (it may be starting) is asked again.
    """
    deadline = time.monotonic() + timeout
    while not (answered := _once(address, question, deadline)):
        if time.monotonic() + ASK_AGAIN > deadline:
            break
        time.sleep(ASK_AGAIN)
    return answered


def ping_once(address: str, question: Ping, timeout: float = 1.0) -> bool:
    """The same for one that is not about to start: whoever refuses the connection is believed."""
    return _once(address, question, time.monotonic() + timeout)


def _once(address: str, question: Ping, deadline: float) -> bool:
    left = max(0.001, deadline - time.monotonic())
    try:
        with socket.create_connection((address, question.port), left) as line:
            if question.protocol == "tcp":
                return True
            line.sendall(_request(address, question))
            return _understood(question, _first_bytes(line, question, deadline))
    except OSError:  # refused, reset, unreachable or too late: it does not answer
        return False


def _request(address: str, question: Ping) -> bytes:
    if question.protocol == "http":
        return f"GET {question.path} HTTP/1.0\r\nHost: {address}\r\n\r\n".encode()
    return b"PING\r\n" if question.protocol == "redis" else _SSL_REQUEST


def _first_bytes(line: socket.socket, question: Ping, deadline: float) -> bytes:
    """As many bytes as decide; fewer when the peer closes early."""
    needed = len("HTTP/1.1 200") if question.protocol == "http" else 1
    got = b""
    while len(got) < needed:
        line.settimeout(max(0.001, deadline - time.monotonic()))
        chunk = line.recv(512)
        if not chunk:
            break
        got += chunk
    return got


def _understood(question: Ping, got: bytes) -> bool:
    if question.protocol == "http":
        status = _HTTP_STATUS.match(got)
        return status is not None and int(status[1]) < 500
    return got[:1] in ((b"+", b"-") if question.protocol == "redis" else (b"S", b"N"))
