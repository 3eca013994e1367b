"""Plays a game day in the browser, at the address that its console had before a crash.

Address and token are kept for this user alone until the day is closed, so that pages that are
open come back by themselves. It must never keep them where the game day's files are.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chaoskit.cli.gameday_terminal import Terminal
from chaoskit.console import serve
from chaoskit.console.serving import Console
from chaoskit.errors import ChaoskitError, TargetError
from chaoskit.gameday.session import Session
from chaoskit.run.state import StateRoot


@dataclass(frozen=True)
class Kept:
    """Where the console of a day was; `port` 0 and no token where it is new."""

    port: int = 0
    token: str | None = None


def play(session: Session, person: str, host: str, port: int, say: Callable[[str], Any]) -> None:
    """Serve until Ctrl-C, or until `quit` where a person types here too."""
    try:
        with console_of(session, host, port, say):
            if sys.stdin.isatty():
                Terminal(session, person, say).play(sys.stdin)
            while not sys.stdin.isatty():
                time.sleep(1)
    except KeyboardInterrupt:
        if not is_closed(session):
            raise
    finally:
        if is_closed(session):
            _place(session).unlink(missing_ok=True)


@contextmanager
def console_of(
    session: Session, host: str, port: int, say: Callable[[str], Any]
) -> Iterator[Console]:
    """The day's console; `port` 0 takes the one it had, or a free one."""
    place = _place(session)
    before = _read(place)
    with _serving(session, host, port, before, say) as console:
        _keep(place, Kept(console.port, console.token))
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


def _place(session: Session) -> Path:
    key = hashlib.sha256(str(session.log.path.resolve()).encode()).hexdigest()[:16]
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
