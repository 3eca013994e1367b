"""The state root: the halt, the locks, and links to runs with something outstanding.

`$CHAOSKIT_STATE`, else for root `/var/lib/chaoskit`, else `$XDG_STATE_HOME/chaoskit`. It must
never hold a fact that only it knows: the journals are the truth, this only points at them.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chaoskit.errors import ChaoskitError, Halted, InUse
from chaoskit.ports import Clock
from chaoskit.run import processes


def default_root() -> Path:
    """Where the state lives for this user on this machine."""
    if named := os.environ.get("CHAOSKIT_STATE"):
        return Path(named)
    if os.geteuid() == 0:
        return Path("/var/lib/chaoskit")
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "chaoskit"


class StateRoot:
    """One state root; its folders are made when they are first needed."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_root()

    def _folder(self, name: str) -> Path:
        folder = self.path / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ChaoskitError(
                f"{folder}: the state folder cannot be made: {error}; set CHAOSKIT_STATE"
            ) from error
        return folder

    # The halt -----------------------------------------------------------------------------

    @property
    def _halt(self) -> Path:
        return self.path / "halt.json"

    def halt(self, why: str, clock: Clock) -> None:
        """Stop every run under this root and block new ones until lifted."""
        self._folder(".")
        record = {
            "by": _user(),
            "pid": os.getppid(),
            "at": clock.wall(),
            "t": round(clock.now(), 6),
            "why": why,
        }
        draft = self._halt.with_suffix(".new")
        draft.write_text(json.dumps(record))
        draft.replace(self._halt)

    def lift(self) -> bool:
        """Allow runs again; False when nothing was set."""
        try:
            self._halt.unlink()
        except FileNotFoundError:
            return False
        return True

    def halted(self) -> str | None:
        """Who halted, when and why, as a sentence; None when nothing is halted."""
        try:
            text = self._halt.read_text()
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"halted ({self._halt} cannot be read, which counts as a halt: {error.strerror})"
        try:
            halt = json.loads(text)
            return f"halted by {halt['by']} at {halt['at']}: {halt['why'] or 'no reason given'}"
        except (ValueError, KeyError, TypeError):
            return f"halted ({self._halt} cannot be read, which counts as a halt)"

    def refuse_if_halted(self) -> None:
        if sentence := self.halted():
            raise Halted(f"{sentence}; nothing was run. Lift it with: chaoskit halt --lift")

    # The locks ----------------------------------------------------------------------------

    @contextmanager
    def lock(self, target: str, run: str) -> Iterator[None]:
        """Hold the lock of one system on one engine; raises InUse naming who holds it.

        The kernel frees it when its holder dies, so a dead process never blocks.
        """
        key = hashlib.sha256(target.encode()).hexdigest()[:16]
        path = self._folder("locks") / f"{key}.lock"
        with path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InUse(f"{target} is in use by {_holder(path)}; wait or halt it") from None
            file.truncate(0)
            file.write(json.dumps({"run": run, "pid": os.getpid(), "target": target}))
            file.flush()
            yield

    # Runs with something outstanding ------------------------------------------------------

    def open_run(self, run: str, folder: Path) -> None:
        """Point at a run before its first injection."""
        link = self._folder("open") / run
        link.unlink(missing_ok=True)
        link.symlink_to(folder.resolve())

    def close_run(self, run: str) -> None:
        """Forget a run that has nothing outstanding."""
        (self.path / "open" / run).unlink(missing_ok=True)

    def open_runs(self) -> list[Path]:
        """Run directories pointed at, newest first."""
        return [link.resolve() for link in self._links() if link.exists()]

    def gone_runs(self) -> list[Path]:
        """Run directories pointed at that are not there any more, newest first.

        With them went the record of what they may have left in force: nobody can put it back.
        """
        return [link.readlink() for link in self._links() if not link.exists()]

    def _links(self) -> list[Path]:
        try:
            return sorted((self.path / "open").iterdir(), reverse=True)
        except FileNotFoundError:
            return []


def _user() -> str:
    """Who calls; a user without a name in the system's list is told by number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _holder(path: Path) -> str:
    try:
        holder: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return "another run"
    known = processes.started(holder.get("pid", 0)) is not None
    return f"run {holder.get('run')} (process {holder.get('pid')}{'' if known else ', gone'})"
