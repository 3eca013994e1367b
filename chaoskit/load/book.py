"""The book of writes: each attempt is with the kernel before its request is sent.

What this process dies of can then lose no attempt, and an outcome that was never written is
unclear, not lost. It must never hold a line back, and never guess an id.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaoskit.load.gauge import Notes
from chaoskit.load.outcome import Headers, classify
from chaoskit.load.recorder import write_all
from chaoskit.model.ledger import LedgerWrite, Where, Word, attempt_line, outcome_line, within
from chaoskit.model.samples import Outcome
from chaoskit.model.system import Outcomes

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


def book_file(folder: Path, worker: int = 0) -> Path:
    """Where the writes of one worker stand."""
    return folder / f"ledger-{worker}.jsonl"


class Book:
    """Writes down what `rule` calls a write; an answer is judged by the system's `outcomes`."""

    def __init__(self, folder: Path, rule: LedgerWrite, outcomes: Outcomes, notes: Notes) -> None:
        self._file = os.open(book_file(folder), _FLAGS, 0o644)
        self._rule = rule
        self._outcomes = outcomes
        self._notes = notes
        self._count = 0

    def attempt(self, name: str, options: Mapping[str, Any], now: float) -> int | None:
        """Write down a request about to be sent; None when it is no write, or carries no id."""
        if name != self._rule.request:
            return None
        found = carried(self._rule.id, options)
        if found is None:
            sentence = f"request {name} carries no id ({self._rule.id}): it is not in the ledger"
            self._notes.add(f"no id {name}", sentence)
            return None
        self._count += 1
        write_all(self._file, attempt_line(self._count, now, found))
        return self._count

    def end(
        self, number: int, now: float, status: int, headers: Headers | None, failed: bool
    ) -> None:
        """Write down what its answer says; `failed` is Locust's word."""
        word = worded(self._rule, self._outcomes, status, headers, failed)
        write_all(self._file, outcome_line(number, now, word, status))


def worded(
    rule: LedgerWrite, outcomes: Outcomes, status: int, headers: Headers | None, failed: bool
) -> Word:
    """Acknowledged by a 2xx, refused by what is declared so; anything else may still be applied."""
    if 200 <= status < 300 and not failed:
        return "ok"
    if classify(outcomes, status, headers, failed) is Outcome.SHED or rule.refuses(status):
        return "refused"
    return "unclear"


def carried(where: Where, options: Mapping[str, Any]) -> str | None:
    """The id in the options of a request, as Locust's clients take them; None without one."""
    if where.header is not None:
        headers = options.get("headers") or {}
        found = next((v for k, v in headers.items() if k.lower() == where.header.lower()), None)
    else:
        found = within(_body(options), where.body or "")
    return None if found is None or isinstance(found, dict | list | bool) else str(found)


def _body(options: Mapping[str, Any]) -> Any:
    """What is sent as a mapping: JSON, a form, or text that is JSON."""
    content = options.get("json")
    if content is None:
        content = options.get("data")
    if not isinstance(content, str | bytes):
        return content
    try:
        return json.loads(content)
    except ValueError:
        return None
