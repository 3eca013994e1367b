"""The console's server: where it listens, what it prints, how it ends.

It listens on loopback unless told otherwise, and says so loudly when it is told. It must never
write the token anywhere but to where it is printed, nor wait for a browser at its end.
"""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from chaoskit.console.events import Session
from chaoskit.console.gate import gate, is_loopback
from chaoskit.console.pages import application
from chaoskit.errors import InvalidInput, TargetError

LOOPBACK = "127.0.0.1"
PATIENCE = 30  # seconds for a request to arrive, or for an answer to be taken
LOUD = (
    "WARNING: the console listens on {host}, so every machine that reaches this one can ask it.\n"
    "WARNING: whoever has the token below can inject faults and halt; it crosses the network in "
    "plain HTTP."
)


@dataclass(frozen=True)
class Console:
    """A console that answers: `url` with the token, `port` as it was given."""

    url: str
    port: int
    token: str


class _Quiet(WSGIRequestHandler):
    """Says nothing: the first request of each browser has the token in its address."""

    server_version = "chaoskit"
    sys_version = ""
    timeout = PATIENCE

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@contextmanager
def serve(
    session: Session,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    token: str | None = None,
    out: Callable[[str], object] = print,
) -> Iterator[Console]:
    """The console of `session`, in threads of its own until the block ends.

    Port 0 takes a free one; without a token it takes one by chance. Raises InvalidInput for an
    unusable token or host, TargetError for a port that is taken.
    """
    secret = secrets.token_urlsafe(32) if token is None else token
    if len(secret) < 16 or not secret.isascii() or not secret.isprintable():
        raise InvalidInput("a token has at least 16 printable ASCII characters")
    ended = threading.Event()
    app = application(session, gate(secret, host), ended.is_set)
    with closing(_listening(host, port)) as bound:
        taken = bound.getsockname()[1]
        server = make_server(  # with a copy of the socket
            host, taken, app, threaded=True, request_handler=_Quiet, fd=bound.fileno()
        )
    with _answering(server, ended):
        url = f"http://{_shown(host)}:{taken}/?token={secret}"
        if not is_loopback(host):
            out(LOUD.format(host=host))
        out(f"console: {url}")
        yield Console(url, taken, secret)


@contextmanager
def _answering(server: BaseWSGIServer, ended: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, name="console", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        server.shutdown()
        thread.join()


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"the console cannot listen on '{host}': {error}") from error
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(place)
        made.listen(128)
    except OSError as error:
        made.close()
        raise TargetError(
            f"the console cannot listen on {host}:{port}: {error.strerror}; choose another --port"
        ) from error
    return made


def _shown(host: str) -> str:
    """How a browser calls it: everywhere is called by the machine's name."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
