"""Signals while a run is under way: the first stops it, the third hands it to the watchdog.

Putting back is never cut short by impatience: a second signal only says what is still in force,
and while `chaoskit revert` is at work, where there is nothing else to stop, so does the first.
What runs inside a signal's own call must never raise, wait for a lock, or write through a
buffer: it may have interrupted whoever holds it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from types import FrameType

from chaoskit.errors import ChaoskitError
from chaoskit.run.calls import StopFlag
from chaoskit.run.conduct import watchdog_at_work
from chaoskit.run.history import first, leftovers, outstanding
from chaoskit.run.journal import NAME, read_records
from chaoskit.run.state import StateRoot

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
HANDED_OVER = 4
NOTHING_OPEN = 130
_SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def signals(stop: StopFlag) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP ask for a stop; what is in force is put back first.

    A second one says what is still being put back. A third leaves at once with exit code 4:
    the pipe to the watchdog closes, and it puts everything back. A SIGHUP that is ignored when we
    are started (`nohup`) stays ignored.
    """
    with _heard(_Interrupts(own_runs, stop)):
        yield


@contextmanager
def signals_while_reverting(todo: list[Path]) -> Iterator[None]:
    """The first signal and the second say what of the runs in `todo` is still being put back.

    Neither cuts it short. A third leaves at once with exit code 4, and says what is left.
    """
    with _heard(_Interrupts(lambda: [folder for folder in todo if _unfinished(folder)])):
        yield


@contextmanager
def _heard(interrupts: _Interrupts) -> Iterator[None]:
    try:
        with taken(SIGNALS, interrupts.take):
            yield
    finally:
        interrupts.close()


@contextmanager
def taken(
    numbers: Iterable[signal.Signals], take: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    """`take` is called for these signals, inside the block.

    Who started us with `nohup` wants us to outlive the terminal: then SIGHUP stays ignored.
    """
    heard = [n for n in numbers if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, take) for number in heard}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


class _Interrupts:
    """`runs` gives the runs that this process has not finished; without `stop` none is ended."""

    def __init__(self, runs: Callable[[], list[Path]], stop: StopFlag | None = None) -> None:
        self._runs, self._stop = runs, stop
        self._count = 0
        # Its `put` may be called from a signal; a thread that waits there does the slow part.
        self._asked: SimpleQueue[bool] = SimpleQueue()
        threading.Thread(target=self._answer, name="interrupts", daemon=True).start()

    def take(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if self._count > 2:
            leave(self._runs)
        elif self._count == 1 and self._stop is not None:
            self._stop.request("interrupted", f"stopped by {signal.Signals(number).name}")
        else:
            self._asked.put(True)

    def close(self) -> None:
        self._asked.put(False)

    def _answer(self) -> None:
        while self._asked.get():
            with suppress(OSError, ValueError, ChaoskitError):
                sys.stderr.write(f"chaoskit: {still_open(self._runs())}\n")
                sys.stderr.flush()


def still_open(runs: list[Path]) -> str:
    """What of these runs is still to be put back, as a sentence."""
    left = _left(runs)
    what = f"still being put back: {', '.join(left)}" if left else "nothing is in force; it ends"
    watched = all(_watched(folder) for folder in runs)
    rest = "the watchdog does the rest" if watched else "what is left then stays in force"
    return f"{what}. This is not cut short; a third signal leaves at once, and {rest}"


def _left(runs: list[Path]) -> list[str]:
    return [
        f"{injection.fault} on {injection.point}"
        for folder in runs
        for injection in outstanding(read_records(folder / NAME))
    ]


def _watched(folder: Path) -> bool:
    try:
        return watchdog_at_work(read_records(folder / NAME))
    except (OSError, ChaoskitError):
        return False


def _unfinished(folder: Path) -> bool:
    """Also where nobody can read what it left."""
    try:
        return bool(leftovers(read_records(folder / NAME)))
    except (OSError, ChaoskitError):
        return True


def own_runs() -> list[Path]:
    """The directories of runs that this process has not finished."""
    found = []
    with suppress(OSError):
        for folder in StateRoot().open_runs():
            with suppress(ChaoskitError):
                head = first(read_records(folder / NAME), "run") or {}
                if head.get("pid") == os.getpid():
                    found.append(folder)
    return found


def leave(unfinished: Callable[[], list[Path]]) -> None:
    """Say who does the rest, and end at once; never returns. Even a fourth signal is obeyed."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    runs = unfinished()
    cursor = _SHOW_CURSOR if os.isatty(2) else ""
    with suppress(OSError, ChaoskitError):
        if left := _left(runs):
            os.write(2, f"{cursor}\nchaoskit: not put back yet: {', '.join(left)}".encode())
    with suppress(OSError):
        os.write(2, f"{cursor}\nchaoskit: leaving now: {_who(runs)}\n".encode())
    for stream in (sys.stdout, sys.stderr):
        # The interrupted code may be in the middle of a write: what it holds is then lost.
        with suppress(OSError, ValueError, RuntimeError):
            stream.flush()
    os._exit(HANDED_OVER if runs else NOTHING_OPEN)


def _who(runs: list[Path]) -> str:
    if not runs:
        return "no run is open, so nothing is in force"
    revert = "chaoskit revert" if runs[1:] else f"chaoskit revert {_named(runs[0])}"
    if all(_watched(folder) for folder in runs):
        return f"the watchdog puts everything back, within seconds. Look with: {revert}"
    return f"the watchdog is NOT there to put everything back. Do it with: {revert}"


def _named(folder: Path) -> str:
    """A run is known by its name where the state root points at it."""
    return folder.name if folder in StateRoot().open_runs() else str(folder)
