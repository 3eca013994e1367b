"""Who may pass: who has the token, comes from this page, and calls the console by its own name.

It must never say how near a wrong token was, nor let anything pass unasked, not even a page that
does not exist.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from werkzeug.wrappers import Request

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
STRANGER = (
    "401: this console needs its token. Open the whole address that `chaoskit gameday run` has "
    "printed; it is a new one once the day was closed."
)
FOREIGN = "403: another page asked for this. The console answers its own page only."
MISNAMED = (
    "403: this console is not called {name}. Use the address that `chaoskit gameday run` printed."
)


@dataclass(frozen=True)
class Refusal:
    status: int
    words: str


@dataclass(frozen=True)
class Gate:
    """`names`: how a request may call this console; `by_address`: also by any address."""

    token: str
    names: frozenset[str]
    by_address: bool = False

    @property
    def cookie(self) -> str:
        """Ports share cookies, so each console has a name of its own for its cookie."""
        return f"chaoskit-{hashlib.sha256(self.token.encode()).hexdigest()[:12]}"

    def refusal(self, request: Request) -> Refusal | None:
        """Why this request may not pass; None lets it pass."""
        if not self._known(request):
            return Refusal(401, STRANGER)
        name = _host(request)
        if not self._ours(name):
            return Refusal(403, MISNAMED.format(name=name or "that"))
        return Refusal(403, FOREIGN) if self._foreign(request) else None

    def invited(self, request: Request) -> bool:
        """Whether this is the printed address: the page, with the token in its query."""
        asked = request.method == "GET" and request.path == "/"
        return asked and self._right(request.args.get("token", ""))

    def _known(self, request: Request) -> bool:
        kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
        shown = [request.cookies.get(self.cookie, "")]
        shown += [bearer.strip()] if kind.lower() == "bearer" else []
        return any(self._right(one) for one in shown) or self.invited(request)

    def _right(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode("utf-8", "replace"), self.token.encode())

    def _ours(self, name: str) -> bool:
        """A page that lets its own name point here (DNS rebinding) still calls us by that name."""
        return name in self.names or (self.by_address and _is_address(name))

    def _foreign(self, request: Request) -> bool:
        origin = request.headers.get("Origin")
        if origin is not None and _place(origin) != request.headers.get("Host", "").lower():
            return True
        site = request.headers.get("Sec-Fetch-Site", "none")
        return site not in ("none", "same-origin") and not self._followed(request)

    def _followed(self, request: Request) -> bool:
        """A click on the printed address, say in a chat: it shows the page and does nothing."""
        return self.invited(request) and request.headers.get("Sec-Fetch-Mode") == "navigate"


def gate(token: str, host: str) -> Gate:
    """The gate of a console that listens on `host`."""
    if is_loopback(host):
        return Gate(token, LOOPBACK_NAMES | {host})
    own = {host, socket.gethostname(), socket.getfqdn()}
    return Gate(token, LOOPBACK_NAMES | {name.lower() for name in own}, by_address=True)


def is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _host(request: Request) -> str:
    """The name in the Host header, without its port: a tunnel may have another one."""
    try:
        return urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    except ValueError:
        return ""


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
