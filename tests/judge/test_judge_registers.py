"""Registers: a sound history never alarms, and each planted old value is found with its age."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.judge.ledger import examine, safety_gate
from chaoskit.judge.writes import Attempt, Copy, History, Look
from chaoskit.model.verdict import DataSafety, Offender, Status

COPIES = ("database1", "database2")
KEYS = tuple(f"basket{n}" for n in range(4))


@dataclass
class Store:
    """The one true register set: what was applied when, and so what it holds at any time."""

    attempts: list[Attempt] = field(default_factory=list)
    applied: list[tuple[float, str, int]] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    def holds(self, key: str, at: float) -> int | None:
        past = [(when, n) for when, k, n in self.applied if k == key and when <= at]
        return max(past)[1] if past else None

    def write(self, key: str, n: int, at: float, ended: float, when: float, word: Any) -> None:
        self.attempts.append(Attempt(key, at, word, ended, n))
        if word != "refused":
            self.applied.append((when, key, n))

    def look(self, key: str, asked: float, when: float, ended: float) -> None:
        seen = self.holds(key, when)
        self.looks.append(Look(key, asked, ended, seen is not None, seen))

    def history(self, order: random.Random | None = None, **more: Any) -> History:
        parts: list[list[Any]] = [[*self.attempts], [*self.looks]]
        for part in parts if order else ():
            order.shuffle(part)  # type: ignore[union-attr]
        last = {key: seen for key in KEYS if (seen := self.holds(key, math.inf)) is not None}
        copies = [Copy(name, [*last], sequences=[*last.values()]) for name in COPIES]
        history = History("baskets", *parts[:1], copies, parts[1], sequenced=True, looked=True)
        return replace(history, **more)


def busy(chance: random.Random, *, unclear: float = 0.2, looks: int = 60) -> Store:
    """One writer for each register: acknowledged, refused, unclear and applied late, retried."""
    store = Store()
    for key in KEYS:
        now = 0.0
        for n in range(1, 16):
            at, now = now, now + chance.uniform(0.05, 0.4)
            late = chance.uniform(at, at + 4)
            draw = chance.random()
            if draw < unclear:
                store.write(key, n, at, now, late if chance.random() < 0.7 else math.inf, "unclear")
                if chance.random() < 0.3:  # tried again: the first may still come later
                    again, now = now, now + 0.2
                    store.write(key, n, again, now, chance.uniform(again, now), "ok")
            elif draw < unclear + 0.1:
                store.write(key, n, at, now, at, "refused")
            else:
                store.write(key, n, at, now, chance.uniform(at, now), "ok")
            now += chance.uniform(0, 0.2)
    store.applied = [one for one in store.applied if one[0] < math.inf]
    for _ in range(looks):
        asked = chance.uniform(0, 8)
        ended = asked + chance.uniform(0, 0.5)
        store.look(chance.choice(KEYS), asked, chance.uniform(asked, ended), ended)
    return store


def steady(until: int = 40, looks: Callable[[float], float] = lambda at: at) -> Store:
    """A write each second, acknowledged 0.1 s later, and a look each second at 0.7 of it.

    `looks` says of when the looks are answered.
    """
    store = Store()
    for n in range(1, until + 1):
        store.write("basket0", n, float(n), n + 0.1, n + 0.05, "ok")
    for second in range(1, until + 1):
        asked = second + 0.7
        seen = store.holds("basket0", looks(asked))
        store.looks.append(Look("basket0", asked, asked + 0.1, seen is not None, seen))
    return store


def judged(history: History) -> DataSafety:
    return examine(history)[0]


def short(offenders: Sequence[Offender]) -> list[tuple[str, str, int | None, int | None]]:
    return [(one.offence, one.id, one.sequence, one.seen) for one in offenders]


def with_values(history: History, *values: int | None) -> History:
    copies = [
        replace(copy, entries=[] if v is None else ["basket0"], sequences=[] if v is None else [v])
        for copy, v in zip(history.copies, values, strict=True)
    ]
    return replace(history, copies=copies)


CHANCES = st.integers(0, 2**32).map(random.Random)


@given(CHANCES)
def test_a_sound_history_never_alarms(chance: random.Random) -> None:
    found = judged(busy(chance).history(chance))
    assert not any(found.offences.values()), found.offenders
    assert (found.registers, found.stalest) == (len(KEYS), None)
    # Too few acknowledged is the only thing that can be said against it.
    assert (found.status is Status.HELD) == (found.acknowledged >= 30)


@given(CHANCES)
def test_the_order_of_records_does_not_matter(chance: random.Random) -> None:
    store = busy(chance)
    store.looks = [replace(look, sequence=chance.randint(1, 20)) for look in store.looks]
    assert examine(store.history(chance)) == examine(store.history(chance))


def oldest_by_definition(store: Store) -> float | None:
    """Every look against every write, in histories where each write is acknowledged."""
    ages = [
        look.asked - min(newer)
        for look in store.looks
        if (
            newer := [
                one.ended
                for one in store.attempts
                if one.id == look.id and (one.sequence or 0) > (look.sequence or 0)
                and (one.ended or 0) < look.asked
            ]
        )
    ]  # fmt: skip
    return max(ages, default=None)


@given(CHANCES, st.floats(0, 6), st.floats(0, 6))
def test_a_frozen_standby_that_serves_reads_is_found_with_its_age(
    chance: random.Random, frozen: float, lasts: float
) -> None:
    store = busy(chance, unclear=0, looks=0)
    store.attempts = [one for one in store.attempts if one.word == "ok"]
    for _ in range(60):
        asked = chance.uniform(0, 8)
        stands = frozen if frozen <= asked <= frozen + lasts and chance.random() < 0.5 else asked
        store.look(chance.choice(KEYS), asked, stands, asked + 0.1)
    found, offenders = examine(store.history(chance))
    # What one look has seen is known to later ones too, so an age may only be greater than this.
    oldest = oldest_by_definition(store)
    assert (found.stalest or 0.0) >= (oldest or 0.0)
    assert (found.stalest or 0.0) <= lasts + 0.5
    assert {one.offence for one in offenders} <= {"stale"}
    assert bool(offenders) == (found.stalest is not None)


def test_an_old_value_is_told_beside_the_write_that_was_passed_over() -> None:
    frozen = steady(looks=lambda at: 10.5 if 10.5 < at < 15 else at)
    found = judged(frozen.history())
    assert short(found.offenders) == [("stale", "basket0", 11, 10)]
    (stale,) = found.offenders
    assert (stale.times, stale.at, stale.acknowledged) == (4, 11.0, 11.1)
    assert stale.age == pytest.approx(14.7 - 11.1)
    assert found.stalest == stale.age
    assert (found.status, found.reason) == (
        Status.VIOLATED,
        "1 write stale (an older value read, though it was known to be there)",
    )
    gate = safety_gate(found)
    assert (gate.expectation, gate.shown) == (
        "no register of baskets lost, invented or read as it was before",
        "1 of 40",
    )


def test_a_newer_write_that_nobody_knows_of_makes_nothing_old_but_the_next_one_does() -> None:
    store = steady(looks=lambda at: 10.5 if 10.5 < at < 15 else at)
    store.attempts[10] = replace(store.attempts[10], word="unclear", ended=None)
    found = judged(store.history())
    assert short(found.offenders) == [("stale", "basket0", 12, 10)]
    assert (found.offenders[0].times, found.stalest) == (3, pytest.approx(14.7 - 12.1))


def test_what_may_be_old_for_a_while_is_allowed_and_still_told() -> None:
    lagging = steady(looks=lambda at: at - 0.8).history()
    found = judged(lagging)
    assert found.offences["stale"] == 40
    allowed = judged(replace(lagging, stale=1.0))
    assert (allowed.status, allowed.stalest) == (Status.HELD, found.stalest)
    assert found.stalest == pytest.approx(0.6)
    # Only those looks count that are older than what is allowed.
    frozen = steady(looks=lambda at: 10.5 if 10.5 < at < 15 else at).history(stale=2.0)
    assert [one.times for one in judged(frozen).offenders] == [2]


def test_what_a_look_has_seen_must_not_be_gone_in_a_later_one() -> None:
    store = steady()
    # Not acknowledged yet: both values are right, until somebody has seen the newer one.
    store.attempts.append(Attempt("basket0", 41.0, "ok", 49.0, 41))
    early = [Look("basket0", 42.0, 42.1, True, 40), Look("basket0", 43.0, 43.1, True, 41)]
    found = judged(store.history(looks=[*store.looks, *early, replace(early[0], asked=44.0)]))
    assert [o for o in short(found.offenders) if o[0] == "stale"] == [("stale", "basket0", 41, 40)]
    assert found.stalest == pytest.approx(44.0 - 43.1)


def test_an_unclear_write_may_come_late_but_not_twice() -> None:
    store = steady()
    store.attempts[9] = replace(store.attempts[9], word="unclear", ended=None)
    late = Look("basket0", 30.9, 31.0, True, 10)
    assert judged(store.history(looks=[*store.looks[11:], late])).status is Status.HELD
    # It was seen at 10.8 already; what came after that is newer for certain.
    found = judged(store.history(looks=[*store.looks, late]))
    assert short(found.offenders) == [("stale", "basket0", 11, 10)]
    again = Attempt("basket0", 10.2, "ok", 10.3, 10)
    twice = replace(store.history(looks=[*store.looks, late]), attempts=[*store.attempts, again])
    assert judged(twice).status is Status.HELD


@pytest.mark.parametrize(
    ("values", "offences"),
    [
        ((40, 40), []),
        ((37, 37), [("lost", "basket0", 38, 37)]),
        ((39, 37), [("lost", "basket0", 38, 37)]),
        ((40, 37), [("missing", "basket0", 38, 37)]),
        ((40, None), [("missing", "basket0", 1, None)]),
        ((None, None), [("lost", "basket0", 1, None)]),
        ((-7, 40), [("missing", "basket0", 1, -7)]),  # what was there before the run
        ((40, 41), [("invented", "basket0", 41, None)]),
    ],
)
def test_what_the_copies_hold_in_the_end(values: tuple[int | None, ...], offences: Any) -> None:
    found = judged(with_values(steady().history(), *values))
    assert short(found.offenders) == offences
    assert found.status is (Status.VIOLATED if offences else Status.HELD)


def test_a_refused_write_that_shows_is_invented_wherever_it_shows() -> None:
    store = steady()
    store.attempts.append(Attempt("basket0", 41.0, "refused", 41.1, 41))
    held = with_values(store.history(), 40, 41)
    assert short(judged(held).offenders) == [("invented", "basket0", 41, None)]
    seen = Look("basket0", 42.0, 42.1, True, 41)
    later = Look("basket0", 43.0, 43.1, True, 40)
    found = judged(store.history(looks=[*store.looks, seen, later]))
    assert short(found.offenders) == [("invented", "basket0", 41, None)]
    assert found.offenders[0].copies == ()


def test_a_register_that_a_copy_holds_twice_is_doubled() -> None:
    history = steady().history()
    twice = replace(history.copies[0], entries=["basket0"] * 2, sequences=[40, 40])
    found = judged(replace(history, copies=[twice, history.copies[1]]))
    assert [(o.offence, o.copies, o.times) for o in found.offenders] == [
        ("doubled", ("database1",), 2)
    ]


def test_registers_of_others_say_nothing() -> None:
    store = steady()
    store.looks.append(Look("stranger", 5.0, 5.1, True, 3))
    history = store.history()
    mixed = [
        replace(c, entries=[*(c.entries or ()), "stranger"], sequences=[*c.sequences, 9])
        for c in history.copies
    ]
    assert judged(replace(history, copies=mixed)).status is Status.HELD


def test_no_data_is_never_a_pass() -> None:
    history = steady().history()
    unread = replace(history.copies[1], entries=None, sequences=(), why="answered 503")
    moving = replace(history.copies[1], sequences=[12], settled=False, why="moving")
    for changed, why in (
        ({"copies": [history.copies[0], unread]}, "database2 could not be read: answered 503"),
        ({"copies": [history.copies[0], moving]}, "database2 did not come to rest: moving"),
        ({"copies": ()}, "no copy was read back: the run ended before that"),
        ({"looks": history.looks[:29]}, "only 29 reads answered, 30 are needed"),
        ({"attempts": history.attempts[:29]}, "only 29 writes acknowledged, 30 are needed"),
    ):
        fewer = replace(history, **changed)
        if "attempts" in changed:
            fewer = with_values(replace(fewer, looks=fewer.looks[:28], looked=False), 29, 29)
        found = judged(fewer)
        assert (found.status, found.reason) == (Status.INCONCLUSIVE, why)
    assert judged(replace(history, looks=(), looked=False)).status is Status.HELD
