"""`chaoskit schedule` as a person types it; `--with` keeps every system out of it."""

from __future__ import annotations

import fcntl
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from icalendar import Calendar

from tests.schedule.desk import lay

TEXT = """\
schedule: shop
timezone: Europe/Berlin
blackouts: [{from: "2000-01-01", to: "2999-12-31", why: never}]
entries:
  - {name: quiet, run: [cache-loss.yaml], cron: "0 10 * * *"}
"""
OPEN = TEXT.replace("2999-12-31", "2000-01-02")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lay(tmp_path)
    (tmp_path / "schedule.yaml").write_text(OPEN)
    return tmp_path


WAITS = shlex.join([sys.executable, "-c", "print('here', flush=True); input()"])


def schedule(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chaoskit", "schedule", *words],
        cwd=folder, env=os.environ | {"CHAOSKIT_STATE": str(folder / "state")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_next_says_why_not(folder: Path) -> None:
    (folder / "schedule.yaml").write_text(TEXT)
    shown = schedule(folder, "next", "--days", "3")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("quiet") == 3
    assert "never" in shown.stdout
    assert "cache-loss" in shown.stdout


def test_skip_is_seen_by_next_and_by_the_calendar(folder: Path) -> None:
    assert "called off: quiet" in schedule(folder, "skip", "quiet").stdout
    assert schedule(folder, "next").stdout.count("called off") == 1
    events = Calendar.from_ical(schedule(folder, "ics", "--days", "10").stdout).walk("VEVENT")
    assert len(events) == 9
    assert len({str(event["uid"]) for event in events}) == 9
    assert {str(event["summary"]) for event in events} == {"chaoskit: quiet"}


def test_skip_of_an_unknown_entry(folder: Path) -> None:
    shown = schedule(folder, "skip", "quit")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "there are quiet" in shown.stderr


def test_the_units_name_the_file_and_the_state(folder: Path) -> None:
    text = schedule(folder, "unit").stdout
    assert f"-m chaoskit schedule once --file {folder / 'schedule.yaml'}" in text
    assert f"CHAOSKIT_STATE={folder / 'state'}" in text
    assert "OnCalendar=" in text
    # What the file reads with ${env:NAME} is not written into a unit, but it can be had there.
    assert "EnvironmentFile=-/etc/chaoskit/" in text


def test_a_wrong_file_ends_with_2(folder: Path) -> None:
    (folder / "schedule.yaml").write_text(OPEN.replace("cron", "crn"))
    shown = schedule(folder, "once")
    assert shown.returncode == 2
    assert shown.stderr.startswith("schedule.yaml:5:")


def test_once_has_nothing_to_do_on_the_day_of_no_run(folder: Path) -> None:
    (folder / "schedule.yaml").write_text(TEXT)
    assert schedule(folder, "once", "--with", "false").returncode == 0


def test_the_command_line_loads_no_calendar_until_it_is_asked() -> None:
    code = (
        "import sys, chaoskit.cli, chaoskit.cli.validate, chaoskit.document, chaoskit.schema; "
        "import chaoskit.cli.schedule; sys.exit(str({'cronsim', 'icalendar'} & {*sys.modules})"
        " if {'cronsim', 'icalendar'} & {*sys.modules} else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_killed_scheduler_is_told_of_once_its_child_is_gone(folder: Path) -> None:
    # Every minute: the first call always finds the last minute due, whatever time it is.
    (folder / "schedule.yaml").write_text(OPEN.replace("0 10 *", "* * *"))
    words = [sys.executable, "-m", "chaoskit", "schedule", "once", "--with", WAITS]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, cwd=folder, env=os.environ | {"CHAOSKIT_STATE": str(folder / "state")},
        stdin=pipe, stdout=pipe, text=True,
    ) as scheduler:  # fmt: skip
        assert scheduler.stdout is not None
        while scheduler.stdout.readline() != "here\n":
            assert scheduler.poll() is None
        scheduler.kill()
        scheduler.wait()
        assert schedule(folder, "once", "--with", "true").stdout.startswith("busy")
        # The child reads the end of its input, and ends.
    (lock,) = folder.glob("state/schedule/*.lock")
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
    shown = schedule(folder, "once", "--with", "true")
    assert shown.returncode == 5
    assert "cut off: quiet" in shown.stdout
    assert "cut off" not in schedule(folder, "once", "--with", "true").stdout
