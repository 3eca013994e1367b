"""Registers through a whole run on the fake world: a standby that is frozen and still answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from chaoskit.judge.ledger import examine
from chaoskit.ledger import HttpLedger, read_history, write_offenders
from chaoskit.load.book import Book
from chaoskit.load.gauge import Notes
from chaoskit.model.ledger import LedgerSpec
from chaoskit.model.samples import Outcome
from chaoskit.model.system import Outcomes, System
from chaoskit.model.verdict import DataSafety, Status, Verdict
from chaoskit.ports import NodeState
from tests.ledger.conftest import Copies, copies
from tests.run.scene import SYSTEM, Scene, experiment

__all__ = ["copies"]

BASKETS = {
    "write": {"request": "fill", "id": {"url": "/baskets/{id}"}, "sequence": {"body": "n"}},
    "find": {"request": "look", "id": {"url": "/baskets/{id}"}, "sequence": "n"},
    "copies": ["one", "two"],
    "read": {
        "url": "/ledger?from={copy}", "entries": "list", "id": "order.id", "sequence": "order.n",
        "after": "after", "next": "next",
    },
    "settle": "5s",
}  # fmt: skip
CUSTOMERS = 20


class Shop(Scene):
    """Each arrival fills its customer's basket and looks at it, in the standby every other time.

    The standby follows at once, unless `frozen` says that it does not while the cache is down.
    """

    copies: Copies
    frozen: Callable[[bool], bool]
    sent = 0

    def answer(self, t: float, series: str) -> tuple[float, Outcome, int]:
        self.sent += 1
        customer, n = f"c{self.sent % CUSTOMERS}", self.sent // CUSTOMERS
        url = f"/baskets/{customer}"
        noted = self.book.note("fill", url, {"json": {"n": n}}, t)
        assert noted is not None
        primary, standby = self.copies.held.values()
        self._put(primary, customer, n)
        if not self.frozen(self.world.node("cache1").facts().state != NodeState.RUNNING):
            standby[:] = primary
        self.book.end(noted, t + 0.01, 200, None, False)
        asked = self.book.note("look", url, {}, t + 0.02)
        assert asked is not None
        seen = dict((primary, standby)[self.sent // CUSTOMERS % 2])[customer]
        answer = SimpleNamespace(content=f'{{"n": {seen}}}')
        self.book.end(asked, t + 0.03, 200, None, False, answer)
        return 0.03, Outcome.OK, 200

    @staticmethod
    def _put(held: list[tuple[str, int]], customer: str, n: int) -> None:
        held[:] = [one for one in held if one[0] != customer] + [(customer, n)]

    @property
    def spec(self) -> LedgerSpec:
        return self.system.ledgers["baskets"]

    @property
    def book(self) -> Book:
        if not hasattr(self, "_book"):
            (self.folder / "load").mkdir(exist_ok=True)
            file = self.folder / "load" / "ledger-0.jsonl"
            self._book = Book(file, self.spec, Outcomes(), Notes())
        return self._book

    def judged(self) -> tuple[Verdict, DataSafety]:
        self.run()
        assert self.error is None
        history = read_history(self.folder, "baskets", self.spec)
        write_offenders(self.folder, examine(history)[1])
        verdict = self.verdict(history)
        assert verdict.data_safety is not None
        return verdict, verdict.data_safety


@pytest.fixture
def shop(tmp_path: Path, copies: Copies) -> Shop:
    system = System.model_validate(SYSTEM.model_dump() | {"ledgers": {"baskets": BASKETS}})
    made = Shop(tmp_path, experiment(data_safety={"ledger": "baskets"}), system)
    made.copies, made.frozen = copies, lambda down: False
    copies.page = 10_000
    made.ledger = HttpLedger("baskets", made.spec, made.world, system, copies.url, made.clock)
    return made


def test_baskets_that_are_never_old_are_held(shop: Shop) -> None:
    shop.copies.held = {"one": [("before", 3)], "two": [("before", 3)]}
    verdict, safety = shop.judged()
    assert (verdict.status, safety.status, safety.stalest) == (Status.HELD, Status.HELD, None)
    assert (safety.registers, safety.attempted) == (CUSTOMERS, safety.looks)
    assert {c.found for c in safety.copies} == {CUSTOMERS}


def test_a_frozen_standby_that_serves_reads_is_found_with_the_age_of_what_it_answered(
    shop: Shop,
) -> None:
    shop.frozen = lambda down: down
    verdict, safety = shop.judged()
    assert verdict.status is Status.VIOLATED
    # Frozen for the 30 s of the fault phase; a basket is filled every third of a second.
    assert safety.stalest == pytest.approx(30, abs=1)
    assert {k: n > 0 for k, n in safety.offences.items() if n} == {"stale": True}
    assert safety.offences["stale"] == len(
        (shop.folder / "ledger" / "offenders.jsonl").read_text().splitlines()
    )
    first = verdict.injections[0].begun
    assert first is not None
    # What is sent at once with the injection may be answered a tick before it is recorded.
    assert all((one.acknowledged or 0) > first - 0.5 for one in safety.offenders)
    assert all((one.seen or 0) < (one.sequence or 0) for one in safety.offenders)
    assert sum(one.times for one in safety.offenders) > 500
    (gate,) = (g for g in verdict.gates if g.metric == "data_safety")
    assert "writes stale" in gate.reason


def test_a_standby_that_never_catches_up_lacks_the_last_update(shop: Shop) -> None:
    lasting: list[bool] = []

    def frozen(down: bool) -> bool:
        lasting.extend([True] * down)
        return bool(lasting)

    shop.frozen = frozen
    safety = shop.judged()[1]
    assert safety.offences["missing"] == CUSTOMERS
    assert {one.copies for one in safety.offenders if one.offence == "missing"} == {("two",)}
    assert {c.found for c in safety.copies} == {CUSTOMERS}
