"""Writes and looks as the load saw them, and what every copy held in the end; plain data.

A write without a clear answer must stay unclear here: only its own answers say what became of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chaoskit.model.ledger import Word
from chaoskit.model.verdict import Offence, Offender


@dataclass(frozen=True)
class Attempt:
    """One write as the load saw it; `at` and `ended` in monotonic seconds, None: no answer.

    `sequence` numbers the writes of one register; None in a ledger of single writes.
    """

    id: str
    at: float
    word: Word = "unclear"
    ended: float | None = None
    sequence: int | None = None


@dataclass(frozen=True)
class Look:
    """One look for a write, or at a register, while the load ran; monotonic seconds."""

    id: str
    asked: float
    ended: float
    found: bool
    sequence: int | None = None


@dataclass(frozen=True)
class Copy:
    """What one copy held in the end, without what it held before the load.

    `entries` None: it could not be read. `settled` False: it was still changing when the time to
    settle was up, so what is not in it may yet come. `sequences`: of each register in `entries`.
    """

    name: str
    entries: Sequence[str] | None
    settled: bool = True
    why: str = ""
    constant_before: float | None = None
    constant_after: float | None = None
    sequences: Sequence[int] = ()

    @property
    def complete(self) -> bool:
        return self.entries is not None and self.settled


@dataclass(frozen=True)
class History:
    """All attempts and looks of a run, in any order, and the copies (none: not read back).

    `stale`: how many seconds a write may go unfound once it is known. `sequenced`: the ids are
    registers. `looked`: the load was to look for its writes.
    """

    ledger: str
    attempts: Sequence[Attempt] = ()
    copies: Sequence[Copy] = ()
    looks: Sequence[Look] = ()
    stale: float = 0.0
    constant: bool = False
    why: str = ""
    sequenced: bool = False
    looked: bool = False


@dataclass
class Write:
    """All attempts of one write. `ended`: when all had their answers; infinite without one."""

    at: float
    acknowledged: float | None = None
    words: set[Word] = field(default_factory=set)
    attempts: int = 0
    ended: float = -math.inf

    @property
    def refused(self) -> bool:
        return self.words == {"refused"}

    def take(self, attempt: Attempt) -> None:
        self.at = min(self.at, attempt.at)
        self.words.add(attempt.word)
        self.attempts += 1
        ended = attempt.at if attempt.ended is None else attempt.ended
        # Whatever has no clear answer may be applied at any later time.
        self.ended = math.inf if attempt.word == "unclear" else max(self.ended, ended)
        if attempt.word == "ok":
            known = self.acknowledged
            self.acknowledged = ended if known is None else min(known, ended)


def offender(
    id_: str, offence: Offence, write: Write | None, copies: tuple[str, ...] = (), **more: Any
) -> Offender:
    """An id that is not as it was promised, with the times of its write (None: never tried)."""
    return Offender(
        id=id_,
        offence=offence,
        at=write.at if write else None,
        acknowledged=write.acknowledged if write else None,
        copies=copies,
        **more,
    )


@dataclass(frozen=True)
class Findings:
    """What one kind of ledger finds. `stalest`: the age of its oldest answer, in seconds."""

    writes: Sequence[Write]
    offenders: Sequence[Offender]
    unclear_found: int
    stalest: float | None = None
    registers: int | None = None
