"""The book of writes: each attempt is with the kernel before its request is sent.

What this process dies of can then lose no attempt, and an outcome that was never written is
unclear, not lost. It must never hold a line back, and never guess an id.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from chaoskit.load.gauge import Notes
from chaoskit.load.outcome import Headers, classify, parsed
from chaoskit.load.recorder import write_all
from chaoskit.model.ledger import (
    ID,
    LedgerFind,
    LedgerSpec,
    LedgerWrite,
    Where,
    Word,
    attempt_line,
    look_line,
    outcome_line,
    sequence_of,
    within,
)
from chaoskit.model.samples import Outcome
from chaoskit.model.system import Outcomes

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


def book_file(folder: Path, worker: int) -> Path:
    """Where the writes of one worker stand."""
    return folder / f"ledger-{worker}.jsonl"


@dataclass(frozen=True)
class Noted:
    """A request that the book waits for: a write with its number, or a look for an id."""

    id: str
    at: float
    number: int | None = None


class Book:
    """Writes to `file` what `ledger` calls a write or a look; `outcomes` are the system's rules."""

    def __init__(self, file: Path, ledger: LedgerSpec, outcomes: Outcomes, notes: Notes) -> None:
        self._file = os.open(file, _FLAGS, 0o644)
        self._write, self._find = ledger.write, ledger.find
        self._outcomes = outcomes
        self._notes = notes
        self._count = 0

    def note(self, name: str, url: str, options: Mapping[str, Any], now: float) -> Noted | None:
        """A request about to be sent: a write is on file now. None for any other request."""
        rule = self._rule(name)
        if rule is None:
            return None
        found = carried(rule.id, url, options)
        where = rule.sequence if isinstance(rule, LedgerWrite) else None
        sequence = None if where is None else sequence_of(carried(where, url, options))
        if found is None:
            self._pass_over(name, f"carries no id ({rule.id})")
        elif where is not None and sequence is None:
            self._pass_over(name, f"carries no whole number ({where})")
        elif isinstance(rule, LedgerWrite):
            self._count += 1
            write_all(self._file, attempt_line(self._count, now, found, sequence))
            return Noted(found, now, self._count)
        elif rule.sequence is not None and options.get("stream"):
            self._pass_over(name, "streams its answer, so that nobody else can read it")
        else:
            return Noted(found, now)
        return None

    def end(
        self,
        noted: Noted,
        now: float,
        status: int,
        headers: Headers | None,
        failed: bool,
        answer: object = None,
    ) -> None:
        """Write down what its answer says; `failed` is Locust's word, `answer` its response."""
        if noted.number is not None:
            word = worded(self._write, self._outcomes, status, headers, failed, answer)
            write_all(self._file, outcome_line(noted.number, now, word, status))
        elif self._find is not None and (status in self._find.absent or 200 <= status < 300):
            self._look(self._find, noted, now, status not in self._find.absent, answer)

    def _look(
        self, rule: LedgerFind, noted: Noted, now: float, found: bool, answer: object
    ) -> None:
        sequence = None
        if found and rule.sequence is not None:
            content = parsed(getattr(answer, "content", None))
            sequence = sequence_of(within(content, rule.sequence))
            if sequence is None:
                self._pass_over(rule.request, f"answers no whole number at '{rule.sequence}'")
                return
        write_all(self._file, look_line(noted.id, noted.at, now, found, sequence))

    def _pass_over(self, name: str, why: str) -> None:
        self._notes.add(f"no id {name}", f"request {name} {why}: it is not in the ledger")

    def _rule(self, name: str) -> LedgerWrite | LedgerFind | None:
        rules = (self._write, self._find)
        return next((rule for rule in rules if rule and rule.request == name), None)


def worded(
    rule: LedgerWrite,
    outcomes: Outcomes,
    status: int,
    headers: Headers | None,
    failed: bool,
    answer: object = None,
) -> Word:
    """Acknowledged by a 2xx, refused by what is declared so; anything else may still be applied.

    A 2xx that is declared to be shed says both, so it is unclear. Any other shed answer refuses no
    more than its status does: who retries on the way may have had the write applied before.
    """
    if 200 <= status < 300 and not failed:
        shed = classify(outcomes, status, headers, failed, rule.request, answer) is Outcome.SHED
        return "unclear" if shed else "ok"
    return "refused" if rule.refuses(status) else "unclear"


def carried(where: Where, url: str, options: Mapping[str, Any]) -> str | None:
    """The id in a request, as Locust's clients take it; None without one."""
    if where.url is not None:
        pattern = re.escape(where.url).replace(re.escape(ID), "([^/]+)")
        match = re.fullmatch(pattern, urlsplit(url).path)
        return unquote(match[1]) if match else None
    if where.header is not None:
        headers = options.get("headers") or {}
        found = next((v for k, v in headers.items() if k.lower() == where.header.lower()), None)
    else:
        found = within(_body(options), where.body or "")
    return None if found is None or isinstance(found, dict | list | bool) else str(found)


def _body(options: Mapping[str, Any]) -> Any:
    """What is sent as a mapping: JSON, a form, or text that is JSON."""
    content = options.get("json")
    return parsed(options.get("data") if content is None else content)
