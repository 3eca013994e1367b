"""A console that nobody watches over: when it ends by itself, when not, and where it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaoskit.cli.gameday_console import address, console_of, is_closed, play_alone
from chaoskit.errors import Unreachable
from chaoskit.gameday.session import Session
from tests.gameday.desk import GAMEDAY, Stage, desk

QUIET = 0.1
PAST, COMING = (GAMEDAY.replace("2026-12-01", f"{year}-12-01") for year in (2020, 2999))


def nobody(line: str) -> None:
    """Nobody reads it."""


def alone(session: Session, quiet: float = QUIET) -> str:
    return play_alone(session, quiet, "127.0.0.1", 0, nobody)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    return tmp_path


@contextmanager
def meanwhile(what: threading.Timer) -> Iterator[None]:
    what.start()
    try:
        yield
    finally:
        what.join()


def test_a_day_that_nobody_came_to_ends_with_its_window(folder: Path) -> None:
    with desk(folder, Stage(), PAST).opened() as session:
        assert "nobody closed it; chaoskit gameday run" in alone(session)
        assert not is_closed(session)


def test_before_its_window_is_over_it_ends_only_when_it_is_closed(folder: Path) -> None:
    with desk(folder, Stage(), COMING).opened() as session:
        closes = threading.Timer(5 * QUIET, lambda: session.say("Grace", "closed"))
        with meanwhile(closes):
            assert alone(session) == ""
        assert is_closed(session)
    assert list((folder / "state" / "consoles").iterdir()) == []


def test_what_is_entered_keeps_it_open(folder: Path) -> None:
    with desk(folder, Stage(), PAST).opened() as session:
        writes = threading.Timer(0.3, lambda: session.say("Ada", "note", text="late"))
        with meanwhile(writes):
            assert alone(session, quiet=1.0)
        (note,) = [e for e in session.log.entries() if e.kind == "note"]
        session.say("Ada", "note", text="after it")
        assert session.log.entries()[-1].t - note.t >= 1.0


def test_a_step_under_way_is_waited_for(folder: Path) -> None:
    stage = Stage()
    with desk(folder, stage, PAST).opened() as session:
        session.say("Ada", "answer", item="1", value="yes")
        session.say("Grace", "go")
        session.begin_step("Grace")
        with meanwhile(threading.Timer(5 * QUIET, stage.over.set)):
            assert alone(session)
        (ran,) = [e for e in session.log.entries() if e.kind == "ran"]
        assert ran.how == "done"


def test_where_it_is(folder: Path) -> None:
    with desk(folder, Stage()).opened() as session:
        with pytest.raises(Unreachable, match="no console of it is open here"):
            address(session.bound)
        with console_of(session, "127.0.0.1", 0, nobody) as console:
            assert address(session.bound) == console.url
        with pytest.raises(Unreachable, match="no console of it is open here"):
            address(session.bound)
