"""Data safety through a whole run on the fake world, over real HTTP to the copies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import TargetError
from chaoskit.judge.writes import History
from chaoskit.ledger import HttpLedger, read_history
from chaoskit.load.book import Book
from chaoskit.load.gauge import Notes
from chaoskit.model.samples import Outcome
from chaoskit.model.system import Outcomes, System
from chaoskit.model.verdict import Status, Verdict
from chaoskit.ports import NodeState
from tests.ledger.conftest import Copies, copies
from tests.run.scene import SYSTEM, Scene, experiment

__all__ = ["copies"]

LEDGER = {
    "write": {"request": "browse", "id": {"body": "id"}},
    "copies": ["one", "two"],
    "read": {
        "url": "/ledger?from={copy}", "entries": "list", "id": "order.id",
        "after": "after", "next": "next",
    },
    "settle": "5s",
}  # fmt: skip


class Shop(Scene):
    """The shop of the scene, which keeps every write in two copies, as long as `apply` says so."""

    copies: Copies
    apply: Callable[[str, bool], tuple[int, int]]

    @property
    def down(self) -> bool:
        return self.world.node("cache1").facts().state != NodeState.RUNNING

    def answer(self, t: float, series: str) -> tuple[float, Outcome, int]:
        id_ = f"w{t:.3f}"
        noted = self.book.note(series, "/", {"json": {"id": id_}}, t)
        assert noted is not None
        for held, times in zip(self.copies.held.values(), self.apply(id_, self.down), strict=True):
            held += [id_] * times
        self.book.end(noted, t + 0.02, 201, None, False)
        return 0.02, Outcome.OK, 201

    @property
    def book(self) -> Book:
        if not hasattr(self, "_book"):
            (self.folder / "load").mkdir(exist_ok=True)
            spec = self.system.ledgers["orders"]
            self._book = Book(self.folder / "load" / "ledger-0.jsonl", spec, Outcomes(), Notes())
        return self._book

    def judged(self) -> Verdict:
        self.run()
        return self.verdict(self.history())

    def history(self) -> History:
        return read_history(self.folder, "orders", self.system.ledgers["orders"])


@pytest.fixture
def shop(tmp_path: Path, copies: Copies) -> Shop:
    system = System.model_validate(SYSTEM.model_dump() | {"ledgers": {"orders": LEDGER}})
    made = Shop(tmp_path, experiment(data_safety={"ledger": "orders"}), system)
    made.copies, made.apply = copies, lambda id_, down: (1, 1)
    copies.page = 10_000
    spec = system.ledgers["orders"]
    made.ledger = HttpLedger("orders", spec, made.world, system, copies.url, made.clock)
    return made


def gate_of(verdict: Verdict) -> Any:
    return next(g for g in verdict.gates if g.metric == "data_safety")


def test_a_system_that_keeps_its_word_is_held(shop: Shop) -> None:
    shop.copies.held = {"one": ["earlier"], "two": ["earlier"]}
    verdict = shop.judged()
    assert shop.error is None
    assert (verdict.status, gate_of(verdict).status) == (Status.HELD, Status.HELD)
    safety = verdict.data_safety
    assert safety is not None
    assert safety.attempted == safety.acknowledged > 3000
    assert {c.found for c in safety.copies} == {safety.attempted}
    assert json.loads((shop.folder / "ledger" / "before.json").read_text())["one"]["entries"] == 1


def test_what_was_acknowledged_and_lost_in_the_fault_is_found_exactly(shop: Shop) -> None:
    gone: list[str] = []

    def apply(id_: str, down: bool) -> tuple[int, int]:
        if down and len(gone) < 30:
            gone.append(id_)
            return 0, 0
        return 1, 1

    shop.apply = apply
    verdict = shop.judged()
    assert verdict.status is Status.VIOLATED
    assert verdict.exit_code == 1
    safety = verdict.data_safety
    assert safety is not None
    assert safety.offences == {"lost": 30, "missing": 0, "doubled": 0, "invented": 0, "stale": 0}
    assert [one.id for one in safety.offenders] == gone[:20]
    assert "30 writes lost" in verdict.reasons[0]


def test_doubles_strangers_and_a_copy_that_lags_violate(shop: Shop) -> None:
    shop.apply = lambda id_, down: (2, 1) if down else (1, 1)
    shop.clock.at(40, lambda: shop.copies.held["one"].append("stranger"))
    safety = shop.judged().data_safety
    assert safety is not None
    assert safety.status is Status.VIOLATED
    assert safety.offences["doubled"] > 100
    assert safety.offences["invented"] == 1
    assert safety.offences["lost"] == 0


def test_a_copy_that_cannot_be_read_is_inconclusive(shop: Shop) -> None:
    shop.clock.at(60, lambda: shop.copies.down.add("two"))
    verdict = shop.judged()
    assert verdict.status is Status.INCONCLUSIVE
    assert gate_of(verdict).reason.startswith("two could not be read: 127.0.0.1:")


def test_a_run_that_is_stopped_before_it_was_read_back_proves_nothing(shop: Shop) -> None:
    shop.clock.at(35, lambda: shop.stop.request("interrupted", "Ctrl-C"))
    gate = gate_of(shop.judged())
    assert (gate.status, gate.shown) == (Status.INCONCLUSIVE, "no data")
    assert not list((shop.folder / "ledger").glob("copy-*"))


def test_nothing_is_injected_over_a_ledger_that_cannot_be_marked(shop: Shop) -> None:
    shop.copies.held["one"] = 404
    shop.run()
    assert isinstance(shop.error, TargetError)
    assert "answered 404" in str(shop.error)
    assert "injecting" not in (shop.folder / "journal.jsonl").read_text()


def test_it_is_read_only_after_the_load_has_stopped(shop: Shop) -> None:
    seen = []
    shop.copies.before_answer = lambda path: seen.append(shop.load._ended is not None)
    shop.judged()
    marked = seen.index(True)
    assert marked > 0
    assert all(seen[marked:])
    assert not any(seen[:marked])


def test_the_plan_counts_the_time_to_settle(shop: Shop) -> None:
    without = Scene(shop.folder, experiment()).plan()
    assert shop.plan().worst_case == without.worst_case + 5
