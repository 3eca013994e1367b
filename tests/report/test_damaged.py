"""Runs that died early or whose files are damaged: a page all the same, or a clear error."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from chaoskit.errors import ChaoskitError
from chaoskit.model.timeline import Span
from chaoskit.report import write_report
from tests.report import builder
from tests.report.page import Page, told


def _no_samples(run: Path) -> None:
    (run / "samples.bin").write_bytes(b"")


def _torn_samples(run: Path) -> None:
    (run / "samples.bin").write_bytes((run / "samples.bin").read_bytes()[: 16 * 3 + 5])


def _no_names(run: Path) -> None:
    (run / "series.json").unlink()


def _no_plan_no_journal(run: Path) -> None:
    (run / "plan.json").unlink()
    (run / "journal.jsonl").unlink()


def _no_spans(run: Path) -> None:
    _change(run, spans=(), injections=())


def _endless_phase(run: Path) -> None:
    _change(run, spans=(Span(phase="warmup", begin=builder.T0 - 3),))


def _never_injected(run: Path) -> None:
    empty = builder.injection(
        begun=None, acknowledged=None, revert_begun=None, reverted=None, evidence=()
    )
    _change(run, injections=(empty,), recovery=None, figures=(), gates=(), coverage=())


def _unreadable_expectation(run: Path) -> None:
    gate = builder.gates()[0].model_copy(update={"expectation": "recovery within 20s"})
    _change(run, gates=(gate,))


def _change(run: Path, **changes: object) -> None:
    changed = told(run).model_copy(update=changes)
    (run / "verdict.json").write_text(changed.model_dump_json(), encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        _no_samples, _torn_samples, _no_names, _no_plan_no_journal, _no_spans, _endless_phase,
        _never_injected, _unreadable_expectation,
    ],
)  # fmt: skip
def test_run_that_died_early_still_has_a_page(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    taken = builder.samples(broken=False, until=40)
    run = builder.write(tmp_path, builder.verdict(taken), taken)
    damage(run)
    page = Page(write_report(run))
    assert "cache-loss" in page.text
    ET.parse(run / "junit.xml")


def test_without_verdict_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ChaoskitError, match="chaoskit judge"):
        write_report(tmp_path)


@pytest.mark.parametrize("name", ["verdict.json", "plan.json", "series.json"])
def test_garbage_in_a_file_is_named(name: str, tmp_path: Path) -> None:
    run = builder.held(tmp_path)
    (run / name).write_text("{", encoding="utf-8")
    with pytest.raises(ChaoskitError, match=re.escape(name)):
        write_report(run)
