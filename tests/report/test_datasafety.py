"""Registers on every page: the write that was passed over, what was there instead, and its age."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from chaoskit.judge.ledger import examine, safety_gate
from chaoskit.judge.writes import Attempt, Copy, History, Look
from chaoskit.model.verdict import Status
from chaoskit.report import datasafety, terminal, write_report
from tests.report import builder
from tests.report.builder import T0


def frozen() -> History:
    """One basket written each second; from 40 s on one standby answers what it held then."""
    attempts = [Attempt("basket-7", T0 + n, "ok", T0 + n + 0.1, n) for n in range(1, 91)]
    attempts.append(Attempt("basket-7", T0 + 95, "refused", T0 + 95.1, 91))
    looks = [Look("basket-7", T0 + n + 0.5, T0 + n + 0.6, True, min(n, 40)) for n in range(1, 46)]
    looks.append(Look("basket-7", T0 + 96, T0 + 96.1, True, 91))
    copies = [
        Copy("database1", ["basket-7"], sequences=[90], constant_before=5, constant_after=5),
        Copy("database2", ["basket-7"], sequences=[88]),
    ]
    return History("baskets", attempts, copies, looks, sequenced=True, looked=True)


def test_old_values_stand_beside_the_fault_on_every_page(tmp_path: Path) -> None:
    found = examine(frozen())[0]
    taken = builder.samples(broken=False)
    told = builder.verdict(
        taken, status=Status.VIOLATED, data_safety=found, reasons=(found.reason,),
        gates=(*builder.gates(), safety_gate(found)),
    )  # fmt: skip
    builder.write(tmp_path, told, taken)
    page = write_report(tmp_path).read_text("utf-8")
    markdown, junit = ((tmp_path / name).read_text("utf-8") for name in ("report.md", "junit.xml"))
    screen = Console(record=True, width=200)
    with screen.capture() as shown:
        terminal.print_verdict(told, screen, None)
    for row in (
        "| missing | `basket-7 #89` | 89.0 s | 89.1 s, 59.05 s after the first injection began | "
        "not in database2; #88 instead |",
        "| invented | `basket-7 #91` | 95.0 s | not acknowledged | in an answer |",
        "| stale | `basket-7 #41` | 41.0 s | 41.1 s, 11.05 s after the first injection began | "
        "read #40 4.4 s after #41 was known; 5 old reads in all |",
        "- Registers: 1 (of baskets were written)",
        "- Attempted: 91 (writes of baskets, each with the next sequence)",
        "- In database1: 1 (written by this run; constant 5)",
        "- Read: 46 (times while the load ran; "
        "the oldest stale answer 4.4 s after a newer value was known)",
        "- Stale: 1 (an older value read, though it was known to be there)",
    ):
        assert row in markdown
    for text in (page, junit, shown.get()):
        assert "basket-7 #41" in text
        assert "read #40 4.4 s after #41 was known; 5 old reads in all" in text
        assert "not found" not in text
    assert "no register of baskets lost, invented or read as it was before" in junit


def test_a_single_write_that_is_stale_was_looked_for_and_not_found() -> None:
    attempts = [Attempt(f"order-{n}", T0 + n, "ok", T0 + n + 0.1) for n in range(1, 41)]
    looks = [Look("order-5", T0 + 9.1, T0 + 9.2, False)]
    copies = [Copy("database1", [one.id for one in attempts])]
    found = examine(History("orders", attempts, copies, looks, looked=True))[0]
    told = builder.verdict(builder.samples(broken=False), data_safety=found)
    (stale,) = found.offenders
    assert datasafety.offender(stale, told, T0)[-1] == "not found 4 s after it was known"
    assert found.reason == "1 write stale (not found in time, though known to be there)"
    rows = {name: note for name, _, note in datasafety.safety(found)}
    assert rows["Stale"] == "looked for and not found, though known to be there"
    assert rows["Looked for"].endswith("the oldest stale answer 4 s after the write was known")
