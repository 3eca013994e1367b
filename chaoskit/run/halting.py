"""Halting from elsewhere: the hooks under `halt_when`, asked before a run and every second of it.

Each hook is asked in threads of its own, so that none holds up the engine or another hook. No
answer is not a go-ahead: a hook that cannot be asked three times in a row halts too. This module
must never stop anything itself: it says a sentence, and the engine stops as for `chaoskit halt`.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from chaoskit.errors import Halted
from chaoskit.model.system import HaltHook, HaltHttp
from chaoskit.run.calls import settle
from chaoskit.run.web import exchange

EVERY = 1.0
AWAKE_EVERY = 0.1
TRIES = 3
# What shells and `env` exit with when there is no such command: nothing has answered then.
NO_COMMAND = (126, 127)


class NoAnswer(Exception):
    """A hook could not be asked; the text says why."""


class Hook:
    """One hook with what it said last; relative paths count from `folder`."""

    def __init__(self, spec: HaltHook, number: int, folder: Path) -> None:
        self._spec, self._folder = spec, folder
        self._name = f"halt_when, item {number} ({spec})"
        self._silent = 0
        self.sentence: str | None = None

    def __str__(self) -> str:
        return self._name

    @property
    def unsure(self) -> bool:
        """It gave no answer the last time, and has not been asked often enough to halt."""
        return self._silent > 0 and self.sentence is None

    def ask(self) -> None:
        """Ask once, within its timeout; `sentence` says what halts. It is never taken back."""
        try:
            halts = self._answer()
        except NoAnswer as silence:
            self._silent += 1
            if self._silent >= TRIES:
                said = f"cannot be asked ({silence}, {TRIES} times in a row)"
                self._halt(f"{said}; no answer is not a go-ahead")
        else:
            self._silent = 0
            if halts:
                self._halt("it is so")

    def _halt(self, said: str) -> None:
        why = f" ({self._spec.why})" if self._spec.why else ""
        self.sentence = self.sentence or f"halted by {self}{why}: {said}"

    def _answer(self) -> bool:
        """A foreign call may hang beyond any timeout of its own, so nobody waits in it."""
        future: Future[bool] = Future()
        work = threading.Thread(target=settle, args=(future, self._question()), daemon=True)
        work.start()
        try:
            error = future.exception(timeout=float(self._spec.timeout))
        except TimeoutError as late:
            error = late
        if error is not None:
            raise NoAnswer(_words(error, f"no answer within {self._spec.timeout}"))
        return future.result()

    def _question(self) -> Callable[[], bool]:
        spec, folder = self._spec, self._folder
        if spec.file is not None:
            path = folder / spec.file
            return lambda: exists(path)
        if spec.http is not None:
            wanted = spec.http
            return lambda: answers(wanted, float(spec.timeout))
        return lambda: succeeds(spec.command or (), folder, float(spec.timeout))


def exists(path: Path) -> bool:
    """Whether there is such a file, folder or link; raises OSError when that cannot be seen."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def answers(spec: HaltHttp, timeout: float) -> bool:
    """Whether GET has the status, past any proxy of the environment and without redirects.

    `timeout` in seconds for each step of the exchange. Raises OSError or HTTPException.
    """
    status, _ = exchange("GET", spec.url, timeout)
    return status == spec.status


def succeeds(command: tuple[str, ...], folder: Path, timeout: float) -> bool:
    """Whether `command` exits with 0 in `folder` within `timeout` seconds; not by a shell.

    Raises OSError when it cannot be started, NoAnswer when it does not end by itself.
    """
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(
        command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        code = child.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise NoAnswer(f"it did not end within {timeout:g}s") from None
    if code < 0 or code in NO_COMMAND:
        said = signal.Signals(-code).name if code < 0 else f"exit code {code}, no such command"
        raise NoAnswer(f"it ended with {said}")
    return code == 0


class Halting:
    """All hooks of one system, for one run."""

    def __init__(self, hooks: Iterable[HaltHook], folder: Path) -> None:
        self._hooks = [Hook(spec, n, folder) for n, spec in enumerate(hooks, 1)]
        self._asking: dict[Hook, threading.Thread] = {}
        self._over = threading.Event()

    def halted(self) -> str | None:
        """What halts, as a sentence; it only looks at the last answers, so it never waits."""
        for hook in self._hooks:
            asking = self._asking.get(hook)
            # Looked at in this order: who asks writes the sentence before it ends.
            lost = asking is not None and not asking.is_alive()
            if hook.sentence:
                return hook.sentence
            if lost:
                return f"halted: {hook} is not asked any more; no answer is not a go-ahead"
        return None

    def refuse_if_halted(self) -> None:
        """Ask all now, again where there is no answer; raises Halted."""
        asked = [threading.Thread(target=_settled, args=(hook,)) for hook in self._hooks]
        for thread in asked:
            thread.start()
        for thread in asked:
            # In short steps: a signal that another thread was given is answered at the next one.
            while thread.is_alive():
                thread.join(AWAKE_EVERY)
        if sentence := self.halted():
            raise Halted(f"{sentence}; nothing was run")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Ask each hook every second until the block ends."""
        for hook in self._hooks:
            asking = threading.Thread(target=self._watch, args=(hook,), daemon=True)
            asking.start()
            self._asking[hook] = asking
        try:
            yield
        finally:
            self._over.set()
            self._asking.clear()

    def _watch(self, hook: Hook) -> None:
        while not self._over.wait(EVERY) and hook.sentence is None:
            hook.ask()


def _settled(hook: Hook) -> None:
    hook.ask()
    while hook.unsure:
        time.sleep(EVERY)
        hook.ask()


def _words(error: BaseException, late: str) -> str:
    if isinstance(error, TimeoutError):
        return late
    if isinstance(error, http.client.HTTPException):
        return f"it does not speak HTTP: {type(error).__name__}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
