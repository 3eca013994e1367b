"""What a schedule does outside: the clock it looks at, the runs it starts, the notice it posts.

Each is a parameter of `Keeper`, so that tests need no time, no system and no network.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from chaoskit.errors import ChaoskitError
from chaoskit.run.calls import StopFlag

RUN = (sys.executable, "-m", "chaoskit", "run")
TIMEOUT = 10.0
LOOK_EVERY = 0.2


class WallClock(Protocol):
    """The time of day (UTC, aware), and waiting (seconds)."""

    def now(self) -> datetime: ...

    def sleep(self, seconds: float) -> None: ...


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Runner:
    """Runs experiments in a child process: `command` followed by their paths."""

    def __init__(self, stop: StopFlag, command: Sequence[str] = RUN) -> None:
        self._stop, self._command = stop, tuple(command)

    def run(self, paths: Sequence[Path], lock: int) -> int:
        """The exit code of the child, which holds the descriptor `lock` as long as it lives.

        A stop is passed on once, and then waited for: the child puts back what it holds.
        """
        words = [*self._command, *map(str, paths)]
        try:
            child = subprocess.Popen(words, pass_fds=(lock,), start_new_session=True)
        except OSError as error:
            raise ChaoskitError(f"{words[0]} cannot be started: {error}") from error
        told = False
        while True:
            try:
                return child.wait(LOOK_EVERY)
            except subprocess.TimeoutExpired:
                if self._stop.kind and not told:
                    child.terminate()
                    told = True


def post(url: str, text: str) -> None:
    """POST `{"text": …}` within ten seconds a step; raises ChaoskitError, which never names `url`.

    Straight to the address, past any proxy of the environment, without redirects.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    line = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        line.request("POST", path, json.dumps({"text": text}), {"Content-Type": "application/json"})
        status = line.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise ChaoskitError(f"the notice was not taken: {type(error).__name__}") from error
    finally:
        line.close()
    if not 200 <= status < 300:
        raise ChaoskitError(f"the notice was not taken: status {status}")
