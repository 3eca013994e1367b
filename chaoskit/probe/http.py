"""HTTP, asked of one URL or of each node of a tier.

It goes straight to the address, past any proxy that the environment names, follows no
redirects, and must never read more of an answer than it needs.
"""

from __future__ import annotations

import http.client
from urllib.parse import urljoin, urlsplit

from chaoskit.errors import InvalidInput
from chaoskit.model.probes import HttpProbe
from chaoskit.probe.asking import Asking, Holders, OneOrEach, Silent
from chaoskit.run.web import exchange

AT_MOST = 1 << 20


def get(url: str, timeout: float) -> tuple[int, str]:
    """Status and the first megabyte of the body; raises OSError or Silent without an answer."""
    try:
        status, body = exchange("GET", url, timeout, most=AT_MOST)
    except http.client.HTTPException as error:
        raise Silent(f"does not speak HTTP ({type(error).__name__})") from error
    return status, body.decode("utf-8", "replace")


class HttpAsk(OneOrEach):
    """GET answers with the status, and with the text, that is wanted; see `ports.Probe`."""

    def __init__(
        self, name: str, spec: HttpProbe, holders: Holders, asking: Asking, entry: str
    ) -> None:
        self.name, self._spec, self._holders, self._asking = name, spec, holders, asking
        if (spec.url is None) == (spec.tier is None):
            raise InvalidInput(f"probe '{name}' needs exactly one of 'url' and 'tier'")
        self._url = checked(name, urljoin(entry, spec.url)) if spec.url is not None else ""
        self._members = asking.members(spec.tier) if spec.tier else ()

    def _here(self) -> str:
        return self._url

    def _ask_here(self) -> bool:
        return self._get(self._url)

    def _ask_node(self, node: str) -> bool:
        address, port = self._asking.place(node, self._spec.port)
        path = self._spec.path.removeprefix("/")
        return self._get(f"http://{address}:{port}/{path}")

    def _get(self, url: str) -> bool:
        status, body = get(url, self._asking.timeout)
        if status != self._spec.status:
            raise Silent(f"answered {status} instead of {self._spec.status}")
        if self._spec.contains is not None and self._spec.contains not in body:
            raise Silent(f"answered without '{self._spec.contains}'")
        return True


def checked(name: str, url: str) -> str:
    """`url`, when it can be asked; raises InvalidInput otherwise."""
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        fit = False
    if not fit:
        raise InvalidInput(f"probe '{name}' cannot ask '{url}': begin it with http://host or /")
    return url
