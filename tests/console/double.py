"""A session that remembers what it was asked, for tests of what the console does by itself."""

from __future__ import annotations

import threading
from typing import Any

from chaoskit.errors import InvalidInput, Refused


class Remembering:
    """Its view is what was said so far; `refuse` and `invalid` are kinds it does not take."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.news = threading.Condition()

    def view(self, person: str) -> dict[str, Any]:
        with self.news:
            return {"you": person, "said": list(self.said)}

    def say(self, person: str, kind: str, **fields: Any) -> None:
        if kind == "refuse":
            raise Refused("step 1 is under way: end it first")
        if kind == "invalid":
            raise InvalidInput("a note needs text")
        self._enter({"person": person, "kind": kind, **fields})

    def halt(self, person: str, why: str) -> None:
        self._enter({"person": person, "kind": "halt", "text": why})

    def wait(self, after: int, seconds: float) -> int:
        with self.news:
            self.news.wait_for(lambda: len(self.said) > after, seconds)
            return len(self.said)

    def _enter(self, entry: dict[str, Any]) -> None:
        with self.news:
            self.said.append(entry)
            self.news.notify_all()
