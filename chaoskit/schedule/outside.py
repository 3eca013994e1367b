"""What a schedule does outside: the clock it looks at and the runs it starts.

Each is a parameter of `Keeper`, so that tests need no time, no system and no network.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from chaoskit.errors import ChaoskitError
from chaoskit.run.calls import StopFlag

RUN = (sys.executable, "-m", "chaoskit", "run")
# Nobody is there to press Ctrl-C: so long after the last entry of a day that is over, it ends.
PLAY = (sys.executable, "-m", "chaoskit", "gameday", "run", "--end-after", "10m")
LOOK_EVERY = 0.2
Look = Callable[[], None]


class WallClock(Protocol):
    """The time of day (UTC, aware), and waiting (seconds)."""

    def now(self) -> datetime: ...

    def sleep(self, seconds: float) -> None: ...


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Runs(Protocol):
    """What runs experiments, or a game day, to their exit code."""

    def run(self, paths: Sequence[Path], lock: int, look: Look) -> int: ...

    def play(self, gameday: Path, lock: int, look: Look) -> int: ...


class Runner:
    """Runs experiments, or a game day, in a child process: a command followed by their paths.

    Both give the exit code of the child, which holds the descriptor `lock` as long as it lives.
    A stop is passed on once, and then waited for: the child puts back what it holds. `look` is
    called several times a second meanwhile.
    """

    def __init__(
        self, stop: StopFlag, command: Sequence[str] = RUN, play: Sequence[str] = PLAY
    ) -> None:
        self._stop, self._command, self._play = stop, tuple(command), tuple(play)

    def run(self, paths: Sequence[Path], lock: int, look: Look) -> int:
        return self._wait([*self._command, *map(str, paths)], lock, look)

    def play(self, gameday: Path, lock: int, look: Look) -> int:
        return self._wait([*self._play, str(gameday)], lock, look)

    def _wait(self, words: Sequence[str], lock: int, look: Look) -> int:
        try:
            child = subprocess.Popen(words, pass_fds=(lock,), start_new_session=True)
        except OSError as error:
            raise ChaoskitError(f"{words[0]} cannot be started: {error}") from error
        told = False
        while True:
            try:
                return child.wait(LOOK_EVERY)
            except subprocess.TimeoutExpired:
                look()
                if self._stop.kind and not told:
                    child.terminate()
                    told = True
