"""The address of a day's console: kept over a crash, forgotten when the day is closed."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from chaoskit.cli.gameday_console import console_of, play
from chaoskit.errors import TargetError
from chaoskit.gameday.session import Session
from tests.gameday.desk import Stage, desk


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with desk(tmp_path, Stage()).opened() as session:
        yield session


def quiet(line: str) -> None:
    """Nobody reads it."""


def kept(folder: Path) -> list[Path]:
    return list((folder / "state" / "consoles").iterdir())


def test_the_next_console_of_a_day_is_where_the_last_one_was(
    session: Session, tmp_path: Path
) -> None:
    with console_of(session, "127.0.0.1", 0, quiet) as first:
        (file,) = kept(tmp_path)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with console_of(session, "127.0.0.1", 0, quiet) as second:
        assert second == first


def test_a_port_that_is_taken_by_now_is_said_and_another_one_found(session: Session) -> None:
    said: list[str] = []
    with (
        console_of(session, "127.0.0.1", 0, quiet) as first,
        console_of(session, "127.0.0.1", 0, said.append) as second,
    ):
        assert second.port != first.port
        assert second.token == first.token
        assert f"port {first.port}" in said[0]
        with (
            pytest.raises(TargetError, match="choose another --port"),
            console_of(session, "127.0.0.1", first.port, quiet),
        ):
            pass


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"port": 1, "colour": "red"}'])
def test_what_is_kept_and_broken_is_made_anew(
    session: Session, tmp_path: Path, broken: str
) -> None:
    with console_of(session, "127.0.0.1", 0, quiet) as first:
        pass
    (file,) = kept(tmp_path)
    file.write_text(broken)
    with console_of(session, "127.0.0.1", 0, quiet) as second:
        assert second.token != first.token


def test_a_closed_day_forgets_its_token_and_ends_well(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def somebody_closes_the_day(seconds: float) -> None:
        session.say("Grace", "closed")
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", somebody_closes_the_day)
    play(session, "Grace", "127.0.0.1", 0, quiet)
    assert kept(tmp_path) == []


def test_a_day_that_is_left_early_is_interrupted(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        play(session, "Grace", "127.0.0.1", 0, quiet)
    assert len(kept(tmp_path)) == 1


def test_what_is_said_at_the_console_is_in_the_session(session: Session) -> None:
    said: list[str] = []
    with console_of(session, "127.0.0.1", 0, said.append) as console:
        at = f"http://127.0.0.1:{console.port}"
        headers = {"Authorization": f"Bearer {console.token}"}
        note = {"person": "Donald", "kind": "note", "text": "<b>here</b>"}
        requests.post(f"{at}/say", json=note, headers=headers, timeout=10).raise_for_status()
        refused = requests.post(
            f"{at}/say", json={"person": "Barbara", "kind": "go"}, headers=headers, timeout=10
        )
        assert refused.status_code == 409
        assert refused.json()["refused"].startswith("go is for")
        view = requests.get(f"{at}/view?as=Donald", headers=headers, timeout=10).json()
    assert view["entries"][-1]["text"] == "<b>here</b>"
    assert view["you"]["person"] == "Donald"
