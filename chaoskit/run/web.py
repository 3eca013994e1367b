"""One HTTP exchange of our own: probes, ledgers, alerts and hooks are asked by it, runs announced.

Straight to the address, past any proxy of the environment, and without redirects: an answer must
come from whom the user named. It must never put a URL into an error, for it may hold a secret.
"""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

from chaoskit.errors import ChaoskitError


def exchange(
    method: str, url: str, timeout: float, text: str | None = None, most: int = 0
) -> tuple[int, bytes]:
    """Status, and the first `most` bytes of the body; `text` is sent as `{"text": …}` in JSON.

    `timeout` in seconds for each step. Raises OSError, HTTPException, or ValueError for a port
    that is none.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    line = kind(parts.hostname or "", parts.port, timeout=timeout)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = None if text is None else json.dumps({"text": text})
    try:
        line.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = line.getresponse()
        return answer.status, answer.read(most) if most else b""
    finally:
        line.close()


def post(url: str, text: str, timeout: float = 10.0) -> None:
    """POST `text`, `timeout` seconds a step; raises ChaoskitError, which never names `url`."""
    try:
        status, _ = exchange("POST", url, timeout, text)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ChaoskitError(f"the webhook does not answer: {type(error).__name__}") from error
    if not 200 <= status < 300:
        raise ChaoskitError(f"the webhook did not take it: status {status}")
