"""A link of the system under test, and a toxic on all of its proxies for a moment.

Straight to the API of `chaoskit proxy`, which the adapter of faults does not offer whole (`http`).
It must never leave a toxic behind: each also goes away by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import requests

TIMEOUT = 5.0  # seconds for one call
SPARE = 5.0  # seconds after which a toxic goes that nobody took away
Toxic = dict[str, Any]


class Link:
    """The proxies of a link, at the API `url`."""

    def __init__(self, url: str, proxies: Sequence[str]) -> None:
        self._places = [f"{url}/proxies/{name}/toxics" for name in proxies]
        self._session = requests.Session()
        # Never through the environment's HTTP proxy.
        self._session.trust_env = False

    @contextmanager
    def holding(self, name: str, toxic: Toxic, seconds: float) -> Iterator[None]:
        """`toxic` is in force meanwhile. Raises requests.RequestException for a refusal."""
        wish = {**toxic, "name": name, "ttl": round(1000 * (seconds + SPARE))}
        try:
            for place in self._places:
                self._call("POST", place, json=wish)
            yield
        finally:
            for place in self._places:
                self._call("DELETE", f"{place}/{name}")

    def _call(self, method: str, url: str, **options: Any) -> None:
        answer = self._session.request(method, url, timeout=TIMEOUT, **options)
        if method == "DELETE" and answer.status_code == 404:
            return  # gone is what was wanted
        if not answer.ok:
            raise requests.HTTPError(f"{method} {url}: {answer.status_code} {answer.text.strip()}")
