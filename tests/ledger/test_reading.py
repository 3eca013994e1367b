"""Copies read over real HTTP: pages, rest, silence, and what a run directory then tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chaoskit.errors import ChaoskitError, TargetError
from chaoskit.judge.ledger import examine
from chaoskit.judge.writes import Attempt, Copy, Look
from chaoskit.ledger import HttpLedger, read_history, write_offenders
from chaoskit.model.ledger import LedgerSpec, attempt_line, look_line, outcome_line
from chaoskit.model.system import System
from chaoskit.ports import NodeFacts, NodeState
from chaoskit.world.fake import FakeClock

from .conftest import Copies

SYSTEM = System.model_validate(
    {
        "system": "stall",
        "entry": {"url": "http://127.0.0.1:1"},
        "tiers": {"store": {"layer": "service", "nodes": ["one", "two"]}},
    }
)
READ = {
    "url": "/ledger?from={copy}", "entries": "list", "id": "order.id",
    "after": "after", "next": "next",
}  # fmt: skip


def spec(**changes: Any) -> LedgerSpec:
    content = {
        "write": {"request": "checkout", "id": {"body": "id"}},
        "copies": ["one", "two"],
        "read": READ,
        "settle": "10s",
    }
    return LedgerSpec.model_validate(content | changes)


class Nodes:
    """A world of which only addresses are asked: nobody listens at that of the node `one`."""

    def node(self, name: str) -> Any:
        address = "127.0.0.2" if name == "one" else "127.0.0.1"
        return SimpleNamespace(facts=lambda: NodeFacts(NodeState.RUNNING, address=address))


Make = Callable[..., HttpLedger]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(copies: Copies, clock: FakeClock) -> Make:
    def make(**changes: Any) -> HttpLedger:
        return HttpLedger("orders", spec(**changes), Nodes(), SYSTEM, copies.url, clock)

    return make


def read(folder: Path, **changes: Any) -> dict[str, Copy]:
    return {c.name: c for c in read_history(folder, "orders", spec(**changes)).copies}


def test_only_what_came_after_the_mark_counts_and_pages_are_put_together(
    ledger: Make, copies: Copies, tmp_path: Path
) -> None:
    old = [f"old{i}" for i in range(7)]
    copies.held = {"one": [*old], "two": [*old]}
    made = ledger()
    made.mark(tmp_path)
    for held in copies.held.values():
        held += [f"new{i}" for i in range(5)]
    copies.asked.clear()
    made.read_back()
    found = read(tmp_path)
    assert [found[c].entries for c in ("one", "two")] == [[f"new{i}" for i in range(5)]] * 2
    assert all(c.settled and not c.why for c in found.values())
    assert "after=7" in copies.asked[0]


def test_without_pages_what_was_there_before_is_taken_away(
    ledger: Make, copies: Copies, tmp_path: Path
) -> None:
    whole = {"read": {"url": "/ledger?from={copy}", "entries": "list", "id": "order.id"}}
    copies.page, copies.held = 100, {"one": ["a", "b"], "two": ["b", "a"]}
    made = ledger(**whole)
    made.mark(tmp_path)
    copies.held = {"one": ["a", "b", "b", "c"], "two": ["b", "a", "c"]}
    made.read_back()
    found = read(tmp_path, **whole)
    assert sorted(found["one"].entries or ()) == ["b", "c"]
    assert found["two"].entries == ("c",)


def test_a_row_that_comes_late_is_waited_for(
    ledger: Make, copies: Copies, clock: FakeClock, tmp_path: Path
) -> None:
    made = ledger()
    made.mark(tmp_path)
    copies.held["one"] += ["a", "b"]
    clock.at(clock.now() - clock.start + 2.5, lambda: copies.held["two"].extend(["a", "b"]))
    made.read_back()
    assert {c.entries and tuple(c.entries) for c in read(tmp_path).values()} == {("a", "b")}
    assert all(c.settled for c in read(tmp_path).values())


def test_copies_that_never_agree_are_kept_as_they_are(
    ledger: Make, copies: Copies, clock: FakeClock, tmp_path: Path
) -> None:
    made = ledger()
    made.mark(tmp_path)
    copies.held["one"] += ["a"]
    began = clock.now()
    made.read_back()
    assert clock.now() - began >= 10
    found = read(tmp_path)
    assert [list(found[c].entries or ()) for c in ("one", "two")] == [["a"], []]
    assert all(c.settled for c in found.values())


def test_a_copy_that_never_rests_is_said_to(ledger: Make, copies: Copies, tmp_path: Path) -> None:
    made = ledger()
    made.mark(tmp_path)
    copies.before_answer = copies.grow
    made.read_back()
    found = read(tmp_path)
    assert (found["one"].settled, found["two"].settled) == (True, False)
    assert found["two"].why == "two readings differed until 10s were over"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (503, "answered 503"),
        ("no JSON", "not JSON"),
        ({"rows": []}, "without a list at 'list'"),
        ({"list": [{"serial": 1}]}, "an entry without 'order.id'"),
    ],
)
def test_an_answer_that_is_not_as_declared_is_unread_and_never_empty(
    ledger: Make, copies: Copies, tmp_path: Path, answer: Any, why: str
) -> None:
    made = ledger()
    made.mark(tmp_path)
    copies.held["two"] = answer
    made.read_back()
    found = read(tmp_path)["two"]
    assert found.entries is None
    assert why in found.why


def test_a_run_does_not_start_on_a_ledger_that_is_silent_or_written_to(
    ledger: Make, copies: Copies, tmp_path: Path
) -> None:
    copies.held["two"] = 500
    with pytest.raises(TargetError, match=r"marked before the run: two: .* answered 500"):
        ledger().mark(tmp_path)
    copies.held["two"] = []
    copies.before_answer = copies.grow
    with pytest.raises(TargetError, match="two is still changing"):
        ledger().mark(tmp_path)


def test_the_first_node_of_a_tier_that_answers_speaks_for_a_copy(
    ledger: Make, copies: Copies, tmp_path: Path
) -> None:
    port = int(copies.url.rpartition(":")[2])
    page = {"url": None, "tier": "store", "port": port, "path": "/ledger?from={copy}"}
    made = ledger(read=READ | page)
    copies.held["one"] = ["a"]
    with pytest.raises(TargetError, match=r"one: 127\.0\.0\.2:\d+ does not answer \(.*refused"):
        ledger(read=READ | page | {"tier": "one"}).mark(tmp_path)
    made.mark(tmp_path)
    copies.held["one"] += ["b"]
    made.read_back()
    assert read(tmp_path)["one"].entries == ["b"]


def test_a_copy_may_be_asked_itself(ledger: Make, copies: Copies, tmp_path: Path) -> None:
    port = int(copies.url.rpartition(":")[2])
    page = {"url": None, "port": port, "path": "/ledger?from={copy}"}
    made = ledger(copies=["two"], read=READ | page)
    made.mark(tmp_path)
    copies.held["two"] += ["b"]
    made.read_back()
    assert read(tmp_path, copies=["two"])["two"].entries == ["b"]


def test_the_constant_is_read_of_each_copy(ledger: Make, copies: Copies, tmp_path: Path) -> None:
    declared = {"constant": {"url": "/stock?from={copy}", "value": "sum.total"}}
    made = ledger(**declared)
    made.mark(tmp_path)
    copies.stock = 99
    made.read_back()
    history = read_history(tmp_path, "orders", spec(**declared))
    assert history.constant
    assert {(c.constant_before, c.constant_after) for c in history.copies} == {(100.0, 99.0)}
    copies.stock = "many"
    made.read_back()
    assert "without a figure" in read(tmp_path, **declared)["one"].why


def test_the_books_of_all_workers_are_one_history_and_a_torn_line_is_unclear(
    tmp_path: Path,
) -> None:
    (tmp_path / "load").mkdir()
    one = attempt_line(1, 5.0, "a") + outcome_line(1, 5.1, "ok", 201) + attempt_line(2, 5.2, "b")
    two = attempt_line(1, 6.0, "c") + outcome_line(1, 6.1, "refused", 429)[:9]
    (tmp_path / "load" / "ledger-0.jsonl").write_bytes(one)
    (tmp_path / "load" / "ledger-1.jsonl").write_bytes(two)
    history = read_history(tmp_path, "orders", spec())
    assert history.attempts == [
        Attempt("a", 5.0, "ok", 5.1), Attempt("b", 5.2), Attempt("c", 6.0)
    ]  # fmt: skip
    assert history.copies == ()
    (tmp_path / "load" / "ledger-1.jsonl").write_bytes(b"nonsense\n")
    with pytest.raises(ChaoskitError, match="is no JSON"):
        read_history(tmp_path, "orders", spec())


REGISTERS = {
    "write": {"request": "fill", "id": {"body": "id"}, "sequence": {"body": "n"}},
    "read": {**READ, "sequence": "order.n"},
    "find": {"request": "look", "id": {"url": "/{id}"}, "sequence": "n", "stale": "2s"},
}


def test_registers_are_read_whole_for_a_write_changes_what_was_there(
    ledger: Make, copies: Copies, tmp_path: Path
) -> None:
    old = [(f"old{i}", 3) for i in range(7)]
    copies.held = {"one": [*old, ("mine", 1)], "two": [*old, ("mine", 1)]}
    made = ledger(**REGISTERS)
    made.mark(tmp_path)
    copies.held = {"one": [*old, ("mine", 2), ("new", 1)], "two": [*old, ("mine", 1)]}
    (tmp_path / "load").mkdir()
    book = [attempt_line(1, 5.0, "mine", 2), outcome_line(1, 5.1, "ok", 200)]
    book += [attempt_line(2, 5.2, "new", 1), look_line("mine", 6.0, 6.1, True, 1)]
    book += [look_line("new", 6.2, 6.3, False)]
    (tmp_path / "load" / "ledger-0.jsonl").write_bytes(b"".join(book))
    made.read_back()
    history = read_history(tmp_path, "baskets", spec(**REGISTERS))
    assert history.attempts == [Attempt("mine", 5.0, "ok", 5.1, 2), Attempt("new", 5.2, sequence=1)]
    assert history.looks == [Look("mine", 6.0, 6.1, True, 1), Look("new", 6.2, 6.3, False)]
    assert (history.sequenced, history.looked, history.stale) == (True, True, 2.0)
    found = {c.name: (c.entries, c.sequences) for c in history.copies}
    assert found == {"one": (["mine", "new"], [2, 1]), "two": (["mine"], [1])}


def test_copies_of_registers_agree_only_by_their_values(
    ledger: Make, copies: Copies, clock: FakeClock, tmp_path: Path
) -> None:
    copies.held = {"one": [("a", 1), ("b", 2)], "two": [("b", 2), ("a", 1)]}
    made = ledger(**REGISTERS)
    made.mark(tmp_path)
    began = clock.now()
    made.read_back()
    assert clock.now() - began < 3
    copies.held["two"] = [("b", 1), ("a", 2)]
    made.read_back()
    assert clock.now() - began > 10


@pytest.mark.parametrize("answer", [("a", None), ("a", 1.5), ("a", True), ("a", "one")])
def test_a_register_without_a_whole_number_is_unread(
    ledger: Make, copies: Copies, tmp_path: Path, answer: Any
) -> None:
    made = ledger(**REGISTERS)
    made.mark(tmp_path)
    copies.held["two"] = [answer]
    made.read_back()
    assert "an entry without a whole number at 'order.n'" in read(tmp_path, **REGISTERS)["two"].why


def test_all_offenders_are_listed_in_a_file(ledger: Make, copies: Copies, tmp_path: Path) -> None:
    made = ledger()
    made.mark(tmp_path)
    (tmp_path / "load").mkdir()
    book = b"".join(
        attempt_line(n, n / 10, f"w{n}") + outcome_line(n, n / 10, "ok", 201) for n in range(50)
    )
    (tmp_path / "load" / "ledger-0.jsonl").write_bytes(book)
    made.read_back()
    figures, offenders = examine(read_history(tmp_path, "orders", spec()))
    assert (len(figures.offenders), figures.offences["lost"]) == (20, 50)
    write_offenders(tmp_path, offenders)
    kept = tmp_path / "ledger" / "offenders.jsonl"
    assert len(kept.read_text().splitlines()) == 50
    write_offenders(tmp_path, ())
    assert not kept.exists()
