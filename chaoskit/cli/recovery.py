"""Runs the command of a recovery step; it must never leave one behind that hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from chaoskit.errors import TargetError

LOOK_EVERY = 0.05
_SHOWN = 400  # characters of the last line that a command printed


def run_command(
    command: tuple[str, ...], folder: Path, timeout: float, stopped: Callable[[], bool]
) -> tuple[str, str]:
    """How `command` ended in words, and the last line that it printed. Not by a shell.

    `timeout` in seconds. Raises TargetError when it cannot be started.
    """
    with tempfile.TemporaryFile() as output:
        try:
            child = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise TargetError(f"{command[0]} cannot be started: {error.strerror}") from error
        ended = _await(child, time.monotonic() + timeout, stopped)
        output.seek(0)
        lines = output.read().decode("utf-8", "replace").split("\n")
    printed = [line.strip() for line in lines if line.strip()]
    return ended, printed[-1][:_SHOWN] if printed else ""


def _await(child: subprocess.Popen[bytes], limit: float, stopped: Callable[[], bool]) -> str:
    try:
        while child.poll() is None:
            if stopped():
                return "was stopped"
            if time.monotonic() > limit:
                return "did not end in time"
            time.sleep(LOOK_EVERY)
    finally:
        # What a command that ended well has started (a service, say) is meant to stay.
        if child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    if child.returncode < 0:
        return f"was ended by {signal.Signals(-child.returncode).name}"
    return f"exited with {child.returncode}"
