"""Sequenced registers: what a read may still answer once a newer write is known to be there.

O(n log n). Writes are ordered by their times alone, so that clocks, retries and several writers of
one register accuse nobody. A write without a clear answer may be applied at any later time, also
over a newer one: reading it must never offend, until something else has shown it to be over.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from chaoskit.judge.writes import Findings, History, Look, Write, offender
from chaoskit.model.verdict import Offender


class Newer(NamedTuple):
    """A write that was known to be there at a time, in monotonic seconds."""

    known: float
    sequence: int


class Old(NamedTuple):
    """One look that answered `seen`, `age` seconds after the write `sequence` was known."""

    id: str
    sequence: int
    age: float
    seen: int | None


class Register:
    """All writes of one id, and all looks at it."""

    def __init__(self, writes: Mapping[int, Write], looks: Sequence[Look]) -> None:
        self.writes = writes
        self.looks = looks
        self.highest = max(writes)
        acknowledged = {n: w.acknowledged for n, w in writes.items() if w.acknowledged is not None}
        self._seen = _first_seen(looks)
        earliest = {n: min(at, self._seen.get(n, at)) for n, at in acknowledged.items()}
        seen = {n: at for n, at in self._seen.items() if not self.is_invented(n)}
        self._order = sorted(writes, key=lambda n: writes[n].at)
        self._starts = [writes[n].at for n in self._order]
        self._known = self._earliest_from(seen | earliest)
        self._acknowledged = self._earliest_from(acknowledged)

    def is_invented(self, sequence: int) -> bool:
        """Whether nobody wrote it, or only such as were refused."""
        known = self.writes.get(sequence)
        return sequence > self.highest if known is None else known.refused

    def newer(self, seen: int | None) -> Newer:
        """The write after `seen` that was known first; known at infinity: there is none."""
        return self._known[self._after(seen)]

    def acknowledged_after(self, seen: int | None) -> Newer:
        """Like `newer`, but only what was acknowledged counts."""
        return self._acknowledged[self._after(seen)]

    def _after(self, seen: int | None) -> int:
        """Where in order the writes begin that were sent when `seen` was over for certain."""
        if seen is not None and self.is_invented(seen):
            return len(self._order)  # that is bad enough; nothing is newer
        if seen is None or seen not in self.writes:
            return 0  # it was there before the run: everything is newer
        write = self.writes[seen]
        over = write.ended
        if write.attempts == 1:  # of several one may be seen and another still be on its way
            over = min(over, self._seen.get(seen, math.inf))
        return bisect_right(self._starts, over)

    def _earliest_from(self, known: Mapping[int, float]) -> list[Newer]:
        """For each place in order, the earliest known of the writes from there on."""
        best = [Newer(math.inf, 0)]
        for sequence in reversed(self._order):
            best.append(min(best[-1], Newer(known.get(sequence, math.inf), sequence)))
        return best[::-1]


def findings(history: History) -> Findings:
    """Lost, missing and invented in the copies; stale and invented in the looks."""
    registers = _registers(history)
    old = [one for id_, register in registers.items() for one in _old(id_, register)]
    late = [one for one in old if one.age > history.stale]
    held = {c.name: _held(c.entries, c.sequences) for c in history.copies if c.entries is not None}
    last = {(id_, sequence) for copy in held.values() for id_, sequence in copy.items()}
    unclear = (
        (id_, sequence)
        for id_, register in registers.items()
        for sequence, write in register.writes.items()
        if write.acknowledged is None and not write.refused
    )
    return Findings(
        writes=[w for register in registers.values() for w in register.writes.values()],
        offenders=[
            *_in_copies(history, registers, held),
            *_invented(registers, held),
            *_doubled(history, registers),
            *_stale(late, registers),
        ],
        unclear_found=sum(one in last for one in unclear),
        stalest=max((one.age for one in old), default=None),
        registers=len(registers),
    )


def _registers(history: History) -> dict[str, Register]:
    """Those that this run wrote; looks at any other say nothing of it."""
    writes: dict[str, dict[int, Write]] = defaultdict(dict)
    looks: dict[str, list[Look]] = defaultdict(list)
    for attempt in history.attempts:
        if attempt.sequence is not None:
            fresh = Write(attempt.at)
            writes[attempt.id].setdefault(attempt.sequence, fresh).take(attempt)
    for look in history.looks:
        looks[look.id].append(look)
    return {id_: Register(found, looks[id_]) for id_, found in writes.items()}


def _first_seen(looks: Iterable[Look]) -> dict[int, float]:
    seen: dict[int, float] = {}
    for look in looks:
        if look.sequence is not None:
            seen[look.sequence] = min(look.ended, seen.get(look.sequence, look.ended))
    return seen


def _held(ids: Sequence[str], sequences: Sequence[int]) -> dict[str, int]:
    return dict(zip(ids, sequences, strict=True))


def _old(id_: str, register: Register) -> Iterator[Old]:
    for look in register.looks:
        known, sequence = register.newer(look.sequence)
        if look.asked > known:
            yield Old(id_, sequence, look.asked - known, look.sequence)


def _stale(late: Sequence[Old], registers: Mapping[str, Register]) -> Iterator[Offender]:
    """One for each write that was passed over, with its oldest look."""
    together: dict[tuple[str, int], list[Old]] = defaultdict(list)
    for one in late:
        together[one.id, one.sequence].append(one)
    for (id_, sequence), looks in together.items():
        oldest = max(looks, key=lambda one: one.age)
        yield offender(
            id_, "stale", registers[id_].writes.get(sequence),
            times=len(looks), sequence=sequence, seen=oldest.seen, age=oldest.age,
        )  # fmt: skip


def _in_copies(
    history: History, registers: Mapping[str, Register], held: Mapping[str, Mapping[str, int]]
) -> Iterator[Offender]:
    """Registers that lack an acknowledged write in a copy which was read to its end."""
    complete = [c.name for c in history.copies if c.complete]
    whole = len(complete) == len(history.copies)
    for id_, register in registers.items():
        lacking: dict[str, Newer] = {}
        for name in complete:
            newer = register.acknowledged_after(held[name].get(id_))
            if newer.known < math.inf:
                lacking[name] = newer
        if not lacking:
            continue
        gone = whole and len(lacking) == len(complete)
        first = min(lacking, key=lambda name: lacking[name])
        yield offender(
            id_, "lost" if gone else "missing", register.writes[lacking[first].sequence],
            tuple(lacking), sequence=lacking[first].sequence, seen=held[first].get(id_),
        )  # fmt: skip


def _invented(
    registers: Mapping[str, Register], held: Mapping[str, Mapping[str, int]]
) -> Iterator[Offender]:
    for id_, register in registers.items():
        found: dict[int, list[str]] = {}
        for look in register.looks:
            if look.sequence is not None:
                found.setdefault(look.sequence, [])
        for name, copy in held.items():
            if id_ in copy:
                found.setdefault(copy[id_], []).append(name)
        for sequence, names in found.items():
            if register.is_invented(sequence):
                write = register.writes.get(sequence)
                yield offender(id_, "invented", write, tuple(names), sequence=sequence)


def _doubled(history: History, registers: Mapping[str, Register]) -> Iterator[Offender]:
    """Registers that a copy holds more than once: which of them counts is anybody's guess."""
    for copy in history.copies:
        for id_, times in Counter(copy.entries or ()).items():
            if times > 1 and id_ in registers:
                yield offender(id_, "doubled", None, (copy.name,), times=times)
