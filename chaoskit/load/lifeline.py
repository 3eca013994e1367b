"""The child's tie to its parent: when the parent is gone the child ends at once.

A thread of the operating system waits on the pipe, because a greenlet would wait for a task that
never yields. This module must be loaded before gevent replaces what it imports.
"""

from __future__ import annotations

import _thread
import ctypes
import os
import signal
import time
from select import select

DEFAULT_GRACE = 5.0
# Of the grace, for writing down what was given up, before the parent kills: seconds, or a part.
_MOST_REST, _REST_SHARE = 1.0, 0.2
_LOOK_EVERY = 0.25
_PR_SET_PDEATHSIG = 1


def drained(grace: float) -> float:
    """Until when (monotonic) answers are waited for by who may take `grace` seconds from now."""
    return time.monotonic() + grace - min(_MOST_REST, _REST_SHARE * grace)


class Lifeline:
    """Ends this process when `parent` dies; hears on the pipe when what is due.

    `begin T`: the first arrival; `surge T` and `calm T`: begin and end of the fault phase, all on
    the monotonic clock and None until told. `stop GRACE`: how many seconds it may take to end, the
    shorter time counts; what is `drained` is None until then, and so it is by a plain SIGTERM.
    """

    def __init__(self, pipe: int, parent: int) -> None:
        self.pipe = pipe
        self.parent = parent
        self.begin: float | None = None
        self.surge: float | None = None
        self.calm: float | None = None
        self.drained: float | None = None

    def hold(self, parent_is_main_thread: bool) -> None:
        if parent_is_main_thread:
            # The kernel sends it when the spawning *thread* ends: wrong for a pool's worker.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _thread.start_new_thread(self._watch, ())

    def _watch(self) -> None:
        # The parent's id is looked at too: a fork of the parent may hold the pipe open.
        while os.getppid() == self.parent:
            if not select([self.pipe], [], [], _LOOK_EVERY)[0]:
                continue
            lines = os.read(self.pipe, 4096).splitlines()
            if not lines:
                break
            for line in lines:
                self._obey(*line.split())
        os.kill(os.getpid(), signal.SIGKILL)

    def _obey(self, word: bytes, seconds: bytes) -> None:
        if word in (b"begin", b"surge", b"calm"):
            setattr(self, word.decode(), float(seconds))
        else:
            told = drained(float(seconds))
            self.drained = told if self.drained is None else min(told, self.drained)
            os.kill(os.getpid(), signal.SIGTERM)
