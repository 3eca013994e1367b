"""The system's own alerts, asked for by URL: how long did they take to notice?

Understood are the answers of Alertmanager (`/api/v2/alerts`), Prometheus (`/api/v1/alerts`), and
any list of objects with a name. No answer is said as such: it is not «no alert».
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from chaoskit.run.web import exchange

TIMEOUT = 5.0
EVERY = 1.0
LARGEST = 8 * 2**20  # bytes of an answer
# What alerting tools call an alert that does not call anybody.
QUIET = ("inactive", "pending", "resolved", "suppressed", "normal", "ok")


class NoAnswer(Exception):
    """The alerts could not be asked for; the text says why, without the URL."""


class Alerts:
    """Asks once a second in a thread of its own; `told` hears of what is new since the start.

    `told(value, text)`: value `new` with the alert's name, or once `unanswered` with the reason.
    """

    def __init__(self, url: str, told: Callable[[str, str], object]) -> None:
        self._url, self._told = url, told
        self._over = threading.Event()
        self._known: dict[str, str] | None = None
        self._silent = False
        self._thread = threading.Thread(target=self._keep_asking, name="alerts", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; an answer that is still on its way is not waited for."""
        self._over.set()

    def _keep_asking(self) -> None:
        while not self._over.is_set():
            self._look()
            self._over.wait(EVERY)

    def _look(self) -> None:
        try:
            found = firing(self._url)
        except NoAnswer as error:
            if not self._silent and not self._over.is_set():
                self._silent = True
                self._told("unanswered", str(error))
            return
        known = found if self._known is None else self._known
        for key in found:
            if key not in known and not self._over.is_set():
                self._told("new", found[key])
        self._known = found


def firing(url: str) -> dict[str, str]:
    """The alerts that fire now: an identity and a name of each; raises NoAnswer.

    Straight to the address, past any proxy of the environment, without redirects.
    """
    try:
        status, body = exchange("GET", url, TIMEOUT, most=LARGEST)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"the alerts cannot be asked: {type(error).__name__}") from error
    if status != 200:
        raise NoAnswer(f"the alerts answer with status {status}")
    try:
        return dict(_named(json.loads(body)))
    except (ValueError, RecursionError) as error:
        raise NoAnswer(f"the alerts cannot be understood: {error}") from error


def _named(answer: Any) -> Iterator[tuple[str, str]]:
    for alert in _listed(answer):
        labels = alert.get("labels")
        labels = labels if isinstance(labels, dict) else {}
        name = labels.get("alertname") or alert.get("name") or alert.get("title") or "unnamed"
        if _state(alert) not in QUIET:
            key = alert.get("fingerprint") or json.dumps(labels or name, sort_keys=True)
            yield str(key), str(name)


def _listed(answer: Any) -> list[dict[str, Any]]:
    for key in ("data", "alerts"):
        if isinstance(answer, dict):
            answer = answer.get(key, answer)
    if not isinstance(answer, list) or not all(isinstance(one, dict) for one in answer):
        raise ValueError("expected a list of alerts")
    return answer


def _state(alert: dict[str, Any]) -> str:
    status = alert.get("status", alert.get("state", ""))
    status = status.get("state", "") if isinstance(status, dict) else status
    return str(status).lower()
