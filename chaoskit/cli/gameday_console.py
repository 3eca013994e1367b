"""Plays a game day in the browser, at the address that its console had before a crash.

Address and token are kept for this user alone until the day is closed, so that pages that are
open come back by themselves. It must never keep them where the game day's files are.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from chaoskit.cli.gameday_terminal import Terminal
from chaoskit.cli.places import shown
from chaoskit.console import serve
from chaoskit.console.serving import Console
from chaoskit.document import BoundGameDay
from chaoskit.errors import ChaoskitError, TargetError, Unreachable
from chaoskit.gameday.log import log_of
from chaoskit.gameday.session import Session
from chaoskit.run.clock import SystemClock
from chaoskit.run.state import StateRoot
from chaoskit.units import Duration

PATIENCE = 2.0  # seconds that a console may take to be there


@dataclass(frozen=True)
class Kept:
    """Where the console of a day was; `port` 0 and no token where it is new."""

    port: int = 0
    token: str | None = None
    url: str = ""


def play(session: Session, person: str, host: str, port: int, say: Callable[[str], Any]) -> None:
    """Serve until Ctrl-C, or until `quit` where a person types here too."""
    with _closing(session), console_of(session, host, port, say):
        if sys.stdin.isatty():
            Terminal(session, person, say).play(sys.stdin)
        while not sys.stdin.isatty():
            time.sleep(1)


def play_alone(
    session: Session, after: float, host: str, port: int, say: Callable[[str], Any]
) -> str:
    """Serve until `after` seconds without an entry once the day is closed, or its window over.

    A step in which the tool is at work is waited for. Returns a sentence about a day that nobody
    closed, because nobody may have come; else nothing.
    """
    with _closing(session), console_of(session, host, port, say):
        while not (_over(session) and _quiet(session) >= after):
            time.sleep(min(1.0, after))
    if is_closed(session):
        return ""
    file = shown(session.bound.path)
    return (
        f"{file}: its window is over, nothing was entered for {Duration(after)}, and nobody closed "
        f"it; chaoskit gameday run {file} goes on where it was"
    )


def _over(session: Session) -> bool:
    gameday = session.bound.gameday
    now = datetime.now(ZoneInfo(gameday.timezone)).replace(tzinfo=None)
    return is_closed(session) or now >= gameday.span[1]


def _quiet(session: Session) -> float:
    """Seconds since the newest entry; 0 while the tool is at work in a step."""
    if any(step["busy"] for step in session.view("")["steps"]):
        return 0.0
    return SystemClock().now() - session.log.entries()[-1].t


@contextmanager
def _closing(session: Session) -> Iterator[None]:
    """Where a day is closed its console's address is forgotten, and Ctrl-C is a way to leave."""
    try:
        yield
    except KeyboardInterrupt:
        if not is_closed(session):
            raise
    finally:
        if is_closed(session):
            _place(session.log.path).unlink(missing_ok=True)


@contextmanager
def console_of(
    session: Session, host: str, port: int, say: Callable[[str], Any]
) -> Iterator[Console]:
    """The day's console; `port` 0 takes the one it had, or a free one."""
    place = _place(session.log.path)
    before = _read(place)
    with _serving(session, host, port, before, say) as console:
        _keep(place, Kept(console.port, console.token, console.url))
        yield console


@contextmanager
def _serving(
    session: Session, host: str, port: int, before: Kept, say: Callable[[str], Any]
) -> Iterator[Console]:
    with ExitStack() as stack:
        wanted = port or before.port
        try:
            found = stack.enter_context(
                serve(session, host=host, port=wanted, token=before.token, out=say)
            )
        except TargetError:
            if port or not wanted:
                raise
            say(f"port {wanted}, where the console was before, is taken by now")
            found = stack.enter_context(serve(session, host=host, token=before.token, out=say))
        yield found


def is_closed(session: Session) -> bool:
    return bool(session.view("")["phase"] == "closed")


def address(bound: BoundGameDay) -> str:
    """The address, with its token, at which the day's console answers now.

    Raises Unreachable when none does.
    """
    url = _read(_place(log_of(bound.path))).url
    with suppress(OSError):
        parts = urlsplit(url)
        socket.create_connection((parts.hostname or "", parts.port or 0), PATIENCE).close()
        return url
    file = shown(bound.path)
    raise Unreachable(
        f"{file}: no console of it is open here; open it with: chaoskit gameday run {file}"
    )


def _place(log: Path) -> Path:
    key = hashlib.sha256(str(log.resolve()).encode()).hexdigest()[:16]
    return StateRoot().path / "consoles" / f"{key}.json"


def _read(place: Path) -> Kept:
    """What is kept; nothing where there is nothing, or what cannot be understood."""
    try:
        return Kept(**json.loads(place.read_text()))
    except (OSError, ValueError, TypeError):
        return Kept()


def _keep(place: Path, kept: Kept) -> None:
    draft = place.with_suffix(".new")
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(kept), file)
        draft.replace(place)
    except OSError as error:
        raise ChaoskitError(
            f"{place}: the console's address cannot be kept: {error.strerror}; set CHAOSKIT_STATE"
        ) from error
