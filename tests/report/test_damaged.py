"""Runs that died early or whose files are damaged: a page all the same, or a clear error."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from chaoskit.cli import cli
from chaoskit.errors import ChaoskitError, InvalidInput
from chaoskit.model.timeline import Span
from chaoskit.report import write_report
from tests.report import builder
from tests.report.page import Page, told

SAMPLE = Path(__file__).parents[2] / "reports" / "sample"


def _no_samples(run: Path) -> None:
    (run / "samples.bin").write_bytes(b"")
    _change(run, figures=())


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


def _remove(samples: Path) -> None:
    samples.unlink()


def _empty(samples: Path) -> None:
    samples.write_bytes(b"")


@pytest.mark.parametrize("lose", [_remove, _empty])
def test_pages_stay_as_they_are_when_the_samples_are_gone(
    lose: Callable[[Path], None], tmp_path: Path
) -> None:
    run = builder.held(tmp_path)
    write_report(run)
    lose(run / "samples.bin")
    (run / "plan.json").unlink()
    before = {path: path.read_bytes() for path in run.iterdir()}
    with pytest.raises(InvalidInput, match=r"samples are gone.*the pages are left as they are"):
        write_report(run)
    assert {path: path.read_bytes() for path in run.iterdir()} == before


def test_the_committed_sample_is_not_written_over(tmp_path: Path) -> None:
    sample = shutil.copytree(SAMPLE, tmp_path / "sample")
    done = CliRunner().invoke(cli, ["report", str(sample)])
    assert isinstance(done.exception, InvalidInput), done.output
    assert done.exception.exit_code == 2
    for path in SAMPLE.iterdir():
        assert (sample / path.name).read_bytes() == path.read_bytes()


def test_a_verdict_is_not_judged_away_when_its_samples_are_gone(tmp_path: Path) -> None:
    run = builder.held(tmp_path / "run")
    (run / "samples.bin").unlink()
    before = (run / "verdict.json").read_bytes()
    done = CliRunner().invoke(cli, ["judge", str(run)])
    assert isinstance(done.exception, InvalidInput)
    assert "the samples are gone" in str(done.exception)
    assert (run / "verdict.json").read_bytes() == before


def test_samples_that_only_the_load_had_written_are_shown(tmp_path: Path) -> None:
    """The runner died before it joined them."""
    run = builder.held(tmp_path)
    (run / "load").mkdir()
    (run / "samples.bin").rename(run / "load" / "worker-0.bin")
    (run / "load" / "worker-0.names").write_text("\n".join(builder.NAMES))
    page = Page(write_report(run))
    assert "svg" in page.tags


@pytest.mark.parametrize("name", ["verdict.json", "plan.json", "series.json"])
def test_garbage_in_a_file_is_named(name: str, tmp_path: Path) -> None:
    run = builder.held(tmp_path)
    (run / name).write_text("{", encoding="utf-8")
    with pytest.raises(ChaoskitError, match=re.escape(name)):
        write_report(run)
