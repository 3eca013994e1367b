"""A run in a pipeline: plain stamped lines, no long silence, the job summary, the batch."""

from __future__ import annotations

import io
import re
import threading
from pathlib import Path

import pytest

from chaoskit.cli.screen import (
    Ended,
    Heartbeat,
    Screen,
    Stamped,
    append_to_job,
    in_pipeline,
    summary,
)
from chaoskit.report.live import LivePanel
from chaoskit.report.terminal import print_verdict
from chaoskit.run.live import Moment
from tests.report import builder

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ( |$)")


@pytest.mark.parametrize(
    ("value", "is_one"), [("true", True), ("1", True), ("false", False), ("0", False), ("", False)]
)
def test_the_variable_ci_tells_a_pipeline(
    value: str, is_one: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", value)
    assert in_pipeline() is is_one


def test_every_line_is_plain_and_stamped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Screen(ci=True) as screen, LivePanel(screen.console) as panel:
        panel.show(Moment("fault", 3.0, 57.0, injected=("kill cache-1",)))
        print_verdict(builder.verdict(builder.samples(broken=False)), screen.console, None)
        screen.sum_up([Ended("cache-loss", "held", 0, False)], 1)
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\r" not in said
    assert all(STAMP.match(line) for line in said.splitlines())
    assert "fault 3 of 60 s · injected: kill cache-1" in said
    assert "Batch of 1: 1 held" in said


class Heard(io.StringIO):
    """Tells when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.spoke = threading.Event()

    def write(self, text: str) -> int:
        done = super().write(text)
        self.spoke.set()
        return done


def test_silence_is_broken_by_a_heartbeat() -> None:
    out = Heard()
    heartbeat = Heartbeat(Stamped(out), every=0.02)
    heartbeat.start()
    assert out.spoke.wait(30)
    heartbeat.stop()
    assert "still running" in out.getvalue()


def test_the_batch_tells_what_never_began() -> None:
    batch = [Ended("a", "held", 0, False, Path("r/a/1")), Ended("b", "NOT RESTORED", 4, True)]
    lines = summary(batch, 3)
    assert lines[0] == "Batch of 3: 1 held, 1 NOT RESTORED"
    assert lines[1].endswith("exit 0  r/a/1")
    assert "1 never began" in lines[-1]


@pytest.mark.parametrize("judged", [True, False])
def test_the_job_summary_tells_also_of_the_only_one_where_it_was_not_judged(
    judged: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    why = "web1 is away\nweb2 is away"
    with Screen(ci=True) as screen:
        screen.sum_up([Ended("web-loss", "it", 5, False, reasons=(why,), judged=judged)], 1)
    if judged:  # its own page is there
        assert not page.exists()
    else:
        assert page.read_text().splitlines() == [
            "", "```text", "Batch of 1: 1 it", "  it  web-loss  exit 5",
            "    web1 is away", "    web2 is away", "```",
        ]  # fmt: skip


def test_the_job_summary_is_appended_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    append_to_job("# one")
    append_to_job("# two\n")
    assert page.read_text() == "# one\n# two\n"


def test_a_job_summary_that_cannot_be_written_is_said_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    append_to_job("# one")
    assert "cannot be written" in capsys.readouterr().err
