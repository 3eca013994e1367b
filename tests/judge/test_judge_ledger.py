"""A correct history never alarms, and each planted loss, double and invention is found exactly."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.judge.ledger import KINDS, examine, safety_gate
from chaoskit.judge.writes import Attempt, Copy, History, Look
from chaoskit.model.verdict import DataSafety, Status

COPIES = ("database1", "database2")


@dataclass(frozen=True)
class Past:
    """A correct history: who was acknowledged, refused or left unclear, and what of it is there."""

    ok: tuple[str, ...]
    refused: tuple[str, ...]
    applied: tuple[str, ...]
    absent: tuple[str, ...]

    def history(self, seed: int = 0) -> History:
        shuffle = random.Random(seed)
        attempts = [Attempt(i, n * 0.1, "ok", n * 0.1 + 0.02) for n, i in enumerate(self.ok)]
        attempts += [Attempt(i, 3.0, "refused", 3.1) for i in self.refused]
        attempts += [Attempt(i, 4.0) for i in (*self.applied, *self.absent)]
        shuffle.shuffle(attempts)
        held = [*self.ok, *self.applied]
        shuffle.shuffle(held)
        return History("orders", attempts, [Copy(name, tuple(held)) for name in COPIES])


def ids(kind: str, least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.integers(least, least + 20).map(lambda n: tuple(f"{kind}{i}" for i in range(n)))


PASTS = st.builds(Past, ids("ok", 30), ids("no"), ids("may"), ids("gone"))


def judged(history: History) -> DataSafety:
    return examine(history)[0]


def with_copies(history: History, *entries: tuple[str, ...]) -> History:
    copies = [replace(c, entries=e) for c, e in zip(history.copies, entries, strict=True)]
    return replace(history, copies=copies)


@given(PASTS, st.integers())
def test_a_correct_history_never_alarms(past: Past, seed: int) -> None:
    found = judged(past.history(seed))
    assert found.status is Status.HELD
    assert not any(found.offences.values())
    assert (found.acknowledged, found.refused) == (len(past.ok), len(past.refused))
    assert (found.unclear, found.unclear_found) == (
        len(past.applied) + len(past.absent),
        len(past.applied),
    )


@given(PASTS, st.integers(), st.integers())
def test_the_order_of_records_does_not_matter(past: Past, one: int, other: int) -> None:
    assert examine(past.history(one)) == examine(past.history(other))


@given(PASTS, st.data())
def test_each_planted_defect_is_found_exactly(past: Past, draw: st.DataObject) -> None:
    few = st.sets(st.sampled_from(past.ok), max_size=5)
    lost = draw.draw(few)
    missing = draw.draw(few) - lost
    doubled = draw.draw(few) - lost - missing
    applied_anyway = (
        draw.draw(st.sets(st.sampled_from(past.refused), max_size=3)) if (past.refused) else set()
    )
    strangers = {"stranger1", "stranger2"}
    rest = [i for i in (*past.ok, *past.applied) if i not in lost]
    first = (*rest, *doubled, *applied_anyway, *strangers)
    second = tuple(i for i in rest if i not in missing)
    _, offenders = examine(with_copies(past.history(), first, second))
    by_kind = {kind: {o.id for o in offenders if o.offence == kind} for kind in KINDS}
    assert by_kind == {
        "lost": lost,
        "missing": missing,
        "doubled": doubled,
        "invented": applied_anyway | strangers,
        "stale": set(),
    }
    assert Counter(o.id for o in offenders).most_common(1)[0][1] == 1


def past() -> Past:
    return Past(tuple(f"ok{i}" for i in range(40)), ("no0",), ("may0",), ("gone0",))


def test_a_loss_is_told_with_its_times_and_violates() -> None:
    history = past().history()
    held = tuple(i for i in past().ok if i != "ok7")
    found = judged(with_copies(history, held, held))
    (lost,) = found.offenders
    assert (lost.id, lost.offence, lost.copies) == ("ok7", "lost", COPIES)
    assert (lost.at, lost.acknowledged) == (pytest.approx(0.7), pytest.approx(0.72))
    gate = safety_gate(found)
    assert (gate.status, gate.shown) == (Status.VIOLATED, "1 of 40")
    assert "1 write lost" in gate.reason


def test_a_copy_that_lags_for_good_lacks_what_the_other_has() -> None:
    found = judged(with_copies(past().history(), past().ok, past().ok[:-2]))
    assert [(o.offence, o.copies) for o in found.offenders] == [("missing", ("database2",))] * 2
    assert found.status is Status.VIOLATED


@pytest.mark.parametrize("held", [past().ok, ()])
def test_a_copy_that_was_not_read_is_never_a_pass(held: tuple[str, ...]) -> None:
    history = past().history()
    read, unread = history.copies
    silent = replace(unread, entries=None, why="answered 503")
    found = judged(replace(history, copies=[replace(read, entries=held), silent]))
    if held:
        assert (found.status, found.reason) == (
            Status.INCONCLUSIVE,
            "database2 could not be read: answered 503",
        )
    else:  # what is lacking in one is a violation whatever the silent one holds, but not a loss
        assert (found.status, found.offences["lost"]) == (Status.VIOLATED, 0)
        assert found.offences["missing"] == 40


def test_what_may_yet_come_is_not_lost() -> None:
    history = past().history()
    moving = [replace(c, entries=(), settled=False, why="moving") for c in history.copies]
    found = judged(replace(history, copies=moving))
    assert found.status is Status.INCONCLUSIVE
    assert not any(found.offences.values())


def test_nothing_read_and_little_written_are_inconclusive() -> None:
    assert judged(replace(past().history(), copies=())).status is Status.INCONCLUSIVE
    few = Past(past().ok[:29], (), (), ())
    assert judged(few.history()).reason == "only 29 writes acknowledged, 30 are needed"
    assert safety_gate(judged(History("orders"))).shown == "no data"


def test_a_repeat_with_the_same_id_is_one_write() -> None:
    history = past().history()
    again = [Attempt("no0", 9.0), Attempt("ok3", 9.0, "refused", 9.1)]
    found = judged(replace(history, attempts=[*history.attempts, *again]))
    assert (found.status, found.attempted, found.refused) == (Status.HELD, 43, 0)


def test_a_constant_that_moved_violates_and_one_unread_is_inconclusive() -> None:
    history = replace(past().history(), constant=True)

    def with_constants(*pairs: tuple[float | None, float | None]) -> DataSafety:
        copies = [
            replace(c, constant_before=b, constant_after=a)
            for c, (b, a) in zip(history.copies, pairs, strict=True)
        ]
        return judged(replace(history, copies=copies))

    assert with_constants((100.0, 100.0), (100.0, 100.0)).status is Status.HELD
    assert with_constants((100.0, 100.0), (100.0, None)).status is Status.INCONCLUSIVE
    broken = with_constants((100.0, 99.0), (100.0, 100.0))
    assert broken.status is Status.VIOLATED
    assert broken.reason == "database1: the constant was 100 before and 99 after"


@given(PASTS, st.lists(st.floats(0, 10), max_size=20), st.integers())
def test_looks_that_find_what_is_known_never_alarm(
    past: Past, moments: list[float], seed: int
) -> None:
    history = past.history(seed)
    acknowledged = {a.id: a.ended for a in history.attempts if a.word == "ok"}
    looks = [
        # Before the acknowledgement both answers are right, and also when it came meanwhile.
        Look(id_, at, at + 0.5, found=at > (acknowledged[id_] or 0.0))
        for at in moments
        for id_ in list(acknowledged)[:3]
    ]
    found = judged(replace(history, looks=looks))
    assert found.status is Status.HELD
    assert (found.looks, found.stalest) == (len(looks), None)


def test_looks_that_were_to_come_and_did_not_are_no_pass() -> None:
    history = replace(past().history(), looked=True)
    found = judged(history)
    assert (found.status, found.reason) == (
        Status.INCONCLUSIVE,
        "only 0 looks answered, 30 are needed",
    )
    looks = [Look("ok0", float(at), at + 0.1, found=True) for at in range(1, 31)]
    assert judged(replace(history, looks=looks[1:])).status is Status.INCONCLUSIVE
    assert judged(replace(history, looks=looks)).status is Status.HELD


def test_a_stale_look_is_told_with_its_age_and_allowed_up_to_its_bound() -> None:
    looks = [
        Look("ok0", 0.01, 0.05, found=False),  # asked before the acknowledgement
        Look("ok1", 3.12, 3.15, found=False),
        Look("ok1", 2.12, 2.15, found=False),
        Look("gone0", 9.0, 9.9, found=False),  # nobody knows whether it ever was there
        Look("may0", 5.0, 5.5, found=True),
        Look("may0", 6.0, 6.1, found=False),  # it was there, and is not any more
    ]
    history = replace(past().history(), looks=looks)
    found = judged(history)
    assert {(o.id, o.offence, round(o.age or 0, 6)) for o in found.offenders} == {
        ("ok1", "stale", 3.0),
        ("may0", "stale", 0.5),
    }
    assert found.status is Status.VIOLATED
    assert found.stalest == pytest.approx(3.0)
    lenient = judged(replace(history, stale=3.5))
    assert (lenient.status, lenient.stalest) == (Status.HELD, found.stalest)
