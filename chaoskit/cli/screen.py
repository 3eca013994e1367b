"""Where `chaoskit run` writes: a terminal, or a pipeline's log and its job summary.

In a pipeline every line is plain and stamped, and silence never lasts long, because a quiet job
is taken for a hung one. It must never decide anything about a run.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO, cast

import click
from rich.console import Console
from rich.text import Text

HEARTBEAT = 10.0  # seconds of silence before a line says that the run goes on
WIDTH = 140  # columns in a log, which nobody wraps
_SUMMARY = "GITHUB_STEP_SUMMARY"


@dataclass(frozen=True)
class Ended:
    """How one experiment of a batch ended, and why.

    `folder` is None where no run was made. What is not `judged` has no page that tells its reasons.
    """

    experiment: str
    word: str
    code: int
    ends_batch: bool
    folder: Path | None = None
    reasons: tuple[str, ...] = ()
    judged: bool = True


def in_pipeline() -> bool:
    """Whether the variable CI says so, as all common pipelines do."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")


class Stamped(io.TextIOBase):
    """A stream that puts the UTC time before each line; for several threads at once."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._begun = ""
        self._lock = threading.RLock()  # a signal may speak in the middle of a line
        self.last = time.monotonic()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with self._lock:
            *whole, self._begun = (self._begun + text).split("\n")
            for line in whole:
                self._out.write(f"{_now()} {line}".rstrip() + "\n")
            if whole:
                self.last = time.monotonic()
                self._out.flush()
        return len(text)


class Heartbeat:
    """Says that the run goes on whenever nothing else was said for `every` seconds."""

    def __init__(self, stream: Stamped, every: float = HEARTBEAT) -> None:
        self._stream = stream
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._begun = time.monotonic()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(max(0.01, self._stream.last + self._every - time.monotonic())):
            if time.monotonic() - self._stream.last >= self._every:
                passed = time.monotonic() - self._begun
                self._stream.write(f"still running, {passed:.0f} s since the start\n")


class Screen:
    """`with Screen(ci=True) as screen:` `screen.console` is for all that a run shows."""

    def __init__(self, ci: bool) -> None:
        self._heartbeat: Heartbeat | None = None
        self.console = Console()
        self._errors: TextIO | None = None
        if ci:
            self._errors = cast(TextIO, Stamped(sys.stderr))
            stream = Stamped(sys.stdout)
            self._heartbeat = Heartbeat(stream)
            plain = cast(TextIO, stream)
            self.console = Console(file=plain, force_terminal=False, color_system=None, width=WIDTH)

    def __enter__(self) -> Self:
        if self._heartbeat:
            self._heartbeat.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._heartbeat:
            self._heartbeat.stop()

    def complain(self, text: str) -> None:
        """One line on standard error."""
        click.echo(f"chaoskit: {text}", self._errors, err=True)

    def sum_up(self, batch: list[Ended], planned: int) -> None:
        """One line for each experiment, where there was more than one or a log is read."""
        if planned < 2 and self._heartbeat is None:
            return
        lines = summary(batch, planned)
        self.console.print()
        for line in lines:
            self.console.print(Text(line), soft_wrap=True)
        if planned > 1 or not all(one.judged for one in batch):
            append_to_job("\n".join(["", "```text", *lines, "```", ""]))


def summary(batch: list[Ended], planned: int) -> list[str]:
    """The batch in lines: what ended how, why it was not judged, and what never began."""
    counts = [
        f"{sum(e.word == w for e in batch)} {w}" for w in dict.fromkeys(e.word for e in batch)
    ]
    width = max((len(e.word) for e in batch), default=0)
    names = max((len(e.experiment) for e in batch), default=0)
    lines = [f"Batch of {planned}: {', '.join(counts)}"]
    for one in batch:
        where = "" if one.folder is None else f"  {one.folder}"
        lines.append(f"  {one.word:<{width}}  {one.experiment:<{names}}  exit {one.code}{where}")
        if not one.judged:
            lines += [f"    {line}" for reason in one.reasons for line in reason.splitlines()]
    if planned > len(batch):
        lines.append(f"  {planned - len(batch)} never began: the batch ended before them")
    return lines


def append_to_job(markdown: str) -> None:
    """Append to the file that GITHUB_STEP_SUMMARY names; no pipeline fails for want of it."""
    named = os.environ.get(_SUMMARY)
    if not named:
        return
    try:
        with Path(named).open("a", encoding="utf-8") as file:
            file.write(markdown if markdown.endswith("\n") else f"{markdown}\n")
    except OSError as error:
        click.echo(f"chaoskit: {_SUMMARY} {named} cannot be written: {error.strerror}", err=True)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
