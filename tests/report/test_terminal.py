"""What the terminal shows: the verdict at the end, the panel while a run goes on."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from chaoskit.model.timeline import LoadFacts
from chaoskit.model.verdict import Impact, SeriesFigures, Verdict
from chaoskit.report.live import LivePanel
from chaoskit.report.terminal import print_verdict
from chaoskit.run.live import Moment
from tests.report import builder

ROW = SeriesFigures(
    series="all", phase="fault", planned=200, ok=150, degraded=48, shed=0, failed=2,
    rate=59.4, p50=0.05, p95=0.312, p99=None, outage=0.2,
)  # fmt: skip


def console(*, terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), width=120, force_terminal=terminal, color_system=None)


def output(to: Console) -> str:
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


def printed(ending: str, tmp_path: Path) -> str:
    run = builder.ALL[ending](tmp_path)
    to = console()
    verdict = Verdict.model_validate_json((run / "verdict.json").read_bytes())
    print_verdict(verdict, to, Path("reports/cache-loss/r/report.html"))
    return output(to)


def test_failing_gates_come_first_with_observed_against_bound(tmp_path: Path) -> None:
    text = printed("violated", tmp_path)
    assert "✗ VIOLATED  cache-loss" in text
    row = next(line for line in text.splitlines() if "checkout success >= 99%  " in line)
    assert "78.2 %" in row
    assert row.index("78.2 %") < row.rindex(">= 99%")
    assert text.index("all p99 < 2s") < text.index("✓ held")
    assert "118 of 541 requests failed" in text
    assert "16 implied gates that held" in text
    assert text.rstrip().endswith("Report: reports/cache-loss/r/report.html")


def test_data_safety_is_told_with_its_first_offenders(tmp_path: Path) -> None:
    text = " ".join(printed("unsafe", tmp_path).split())
    assert "Data safety: violated, attempted 1 583, acknowledged 1 490" in text
    assert (
        "lost order-0: acknowledged 30.1 s, 0.10 s after the first injection began; in none" in text
    )
    assert "28 more in ledger/offenders.jsonl" in text
    assert "Data safety" not in printed("held", tmp_path / "held")


def test_injections_and_recovery_are_told_with_figures(tmp_path: Path) -> None:
    text = printed("held", tmp_path)
    assert "✓ HELD" in text
    assert "kill cache-1: ✓ proven in force" in text
    assert "steady state 2.4 s, full strength 5.8 s (declared within 20 s)" in text
    assert "Impact: time to impact 0.0 s, time to detect 0.8 s, time to recover 2.8 s" in " ".join(
        text.split()
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"impact": Impact(felt=False, resolution=0.25)}, "Impact: none"),
        ({"impact": None}, "Impact: not measured"),
    ],
)
def test_no_impact_is_said_and_so_is_one_that_was_not_measured(changes, told) -> None:
    to = console()
    print_verdict(builder.verdict(builder.samples(broken=False), **changes), to, None)
    assert told in output(to)


def test_a_run_without_a_fault_has_no_impact() -> None:
    to = console()
    verdict = builder.verdict(builder.samples(broken=False), impact=None, injections=())
    print_verdict(verdict, to, None)
    assert "Impact" not in output(to)


def test_what_the_load_warns_of_is_said_once(tmp_path: Path) -> None:
    load = LoadFacts(saturated=True, causes=("too busy",), warnings=("too busy", "no [name]"))
    to = console()
    print_verdict(builder.verdict(builder.samples(broken=False), load=load), to, None)
    assert "Load: no [name]" in output(to)
    assert "Load: too busy" not in output(to), "it is a reason of the verdict"


def test_not_restored_says_what_to_do(tmp_path: Path) -> None:
    text = printed("not-restored", tmp_path)
    assert "✗ NOT RESTORED" in text
    assert "chaoskit revert 20250301T101500-3f2a" in text


def test_names_in_brackets_are_no_markup(tmp_path: Path) -> None:
    taken = builder.samples(broken=False, until=1)
    verdict = builder.verdict(taken, experiment="[bold]x[/nope]", reasons=("[red]why",))
    to = console()
    print_verdict(verdict, to, None)
    assert "[bold]x[/nope]" in output(to)
    assert "[red]why" in output(to)
    assert "Report:" not in output(to)


def test_plain_lines_only_at_phase_changes_and_every_five_seconds() -> None:
    to = console()
    with LivePanel(to) as panel:
        for phase, length in (("baseline", 12), ("fault", 7)):
            for tick in range(length * 4):
                panel.show(Moment(phase, tick / 4, length - tick / 4, (ROW,), ()))
    lines = output(to).splitlines()
    assert [line.split(" · ")[0] for line in lines] == [
        "baseline 0 of 12 s", "baseline 5 of 12 s", "baseline 10 of 12 s",
        "fault 0 of 7 s", "fault 5 of 7 s",
    ]  # fmt: skip


def test_plain_line_tells_figures_and_what_is_injected() -> None:
    to = console()
    with LivePanel(to) as panel:
        panel.show(Moment("recovery", 3.0, None, (ROW,), ("kill cache-1",), "not steady yet"))
    assert output(to) == (
        "recovery 3 s · all 99 %, p95 312 ms, 59.4/s · injected: kill cache-1 · not steady yet\n"
    )


@pytest.mark.parametrize("left", [48.0, None, 0.0])
def test_panel_on_a_terminal_shows_the_moment(left: float | None) -> None:
    to = console(terminal=True)
    with LivePanel(to, "cache-loss") as panel:
        panel.show(Moment("fault", 12.0, left, (ROW,), ("kill [cache-1]",), "budget 80 % spent"))
        text = output(to)
    for word in ("cache-loss", "fault", "99 %", "312 ms", "kill [cache-1]", "budget 80 % spent"):
        assert word in text
    assert ("s left" in text) is (left is not None)


def test_panel_without_figures_is_no_error() -> None:
    to = console(terminal=True)
    with LivePanel(to) as panel:
        panel.show(Moment("warmup", 0.0, 0.0))
        assert "nothing injected" in output(to)


def test_terminal_needs_no_numpy_plots_or_templates() -> None:
    code = (
        "import sys, chaoskit.report, chaoskit.report.terminal, chaoskit.report.live;"
        "heavy = {'numpy', 'matplotlib', 'jinja2', 'docker', 'locust'};"
        "sys.exit(','.join(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_a_lost_fault_is_told_in_words_with_its_span(tmp_path: Path) -> None:
    text = " ".join(printed("lost", tmp_path).split())
    assert "latency catalog -> database: ? lost while it was open" in text
    assert "in force 12.0 s … 21.9 s of the fault phase" in text
    assert "✗ lost: the proxy catalog-database1 does not list it any more" in text
    assert "– unknown: 2 looks went unanswered" in text
    assert "The run was stopped early: a fault was not in force any more" in text
    assert "kill cache-1: ✓ proven in force (in force 1.0 s … 60.1 s of the fault phase" in text
