"""Server-sent events: what a person may see, whenever it changes, and a pulse in between.

Each event holds the whole view, so that whoever comes back has missed nothing. It must never
outlive the console.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Protocol

PULSE = 1.0  # seconds between two looks; the page takes three seconds of silence for a loss


class Session(Protocol):
    """What the console asks of a game day's session (`chaoskit.gameday.session.Session`).

    `say` and `halt` raise ChaoskitError for what is refused.
    """

    def view(self, person: str) -> dict[str, Any]: ...
    def say(self, person: str, kind: str, **fields: Any) -> Any: ...
    def halt(self, person: str, why: str) -> Any: ...
    def wait(self, after: int, seconds: float) -> int: ...


def events(
    session: Session, person: str, after: int, is_closing: Callable[[], bool]
) -> Iterator[str]:
    """Endless until `is_closing`; `after` is the last state that the reader has seen."""
    shown: dict[str, Any] = {}
    yield "retry: 1000\n\n"
    while not is_closing():
        view = session.view(person)
        if (seen := {**view, "now": ""}) != shown:
            yield f"id: {after}\nevent: view\ndata: {as_json(view)}\n\n"
            shown = seen
        else:
            yield "event: pulse\ndata: {}\n\n"
        after = session.wait(after, PULSE)


def as_json(view: dict[str, Any]) -> str:
    """On one line. Raises ValueError for a number that JSON does not know."""
    return json.dumps(view, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
