"""One process of the load as its parent sees it: started, told, read and ended.

It must leave no process behind (the child ends when the pipe to it closes), and it must never
import locust or gevent.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from array import array
from pathlib import Path
from select import select

from chaoskit.errors import LoadError
from chaoskit.load.order import Order
from chaoskit.load.recorder import error_file, facts_file, files, open_file
from chaoskit.model.samples import RECORD, SERIES_AT
from chaoskit.model.timeline import LoadFacts
from chaoskit.ports import UnderWay


class Worker:
    """A child that was just spawned with `order`; `await_ready` says whether its script loads."""

    def __init__(self, python: str, order: Order) -> None:
        self._killed = False
        self._folder = Path(order.folder)
        self._order = order
        self._offset = 0
        self._asked_to_stop = False
        ready, tell = os.pipe()
        self._ready = open(ready, "rb", buffering=0)  # noqa: SIM115 - closed by reap
        try:
            self._child = self._spawn(python, tell)
        except OSError:
            self._ready.close()
            raise
        finally:
            os.close(tell)
        here = {
            "ready": tell,
            "parent": os.getpid(),
            "parent_is_main_thread": threading.current_thread() is threading.main_thread(),
        }
        self.tell(order.model_copy(update=here).model_dump_json())

    @property
    def pid(self) -> int:
        return self._child.pid

    def _spawn(self, python: str, tell: int) -> subprocess.Popen[bytes]:
        with (self._folder / "load.log").open("ab") as log:
            # A session of its own: Ctrl-C in the terminal must not end it before the runner
            # has unwound. -P: the working directory must not shadow modules.
            return subprocess.Popen(
                [python, "-P", "-m", "chaoskit.load.child", str(self._folder)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(tell,),
                start_new_session=True,
            )

    def tell(self, line: str) -> None:
        """One line to the child; it may be dead already, then `check` says so."""
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._child.stdin.write(f"{line}\n".encode())
            self._child.stdin.flush()

    def await_ready(self, within: float) -> None:
        """Raises LoadError with the script's own message, or when it takes longer (seconds)."""
        answered = bool(select([self._ready], [], [], within)[0])
        if answered and self._ready.read(16):
            return
        self.reap(1.0 if answered else 0.0)
        if answered:
            raise LoadError(self._why(self._child.returncode))
        raise LoadError(
            f"the load generator was not ready {within:.1f} s after its start; "
            f"leave it more time before the first arrival, or see {self._folder / 'load.log'}"
        )

    def check(self) -> None:
        """Raises LoadError when the child ended by itself."""
        if not self._asked_to_stop and (code := self._child.poll()) is not None:
            raise LoadError(self._why(code))

    def read(self) -> tuple[bytearray, tuple[str, ...]]:
        """Whole records since the last call, and every series name of this worker so far."""
        records, names = files(self._folder, self._order.worker)
        if not records.exists():
            return bytearray(), ()
        with records.open("rb") as file:
            file.seek(self._offset)
            chunk = bytearray(file.read())
        del chunk[len(chunk) - len(chunk) % RECORD.size :]
        self._offset += len(chunk)
        # After the records: a name is always written before its first record.
        lines = names.read_text(encoding="utf-8").split("\n")
        return chunk, tuple(lines[:-1])

    def under_way(self) -> UnderWay:
        """What the child last said to be without an answer; nothing before its first word."""
        said = array("d")
        with contextlib.suppress(FileNotFoundError):
            said.frombytes(open_file(self._folder, self._order.worker).read_bytes())
        return UnderWay(said[0], tuple(said[1:])) if said else UnderWay()

    def facts(self) -> LoadFacts:
        """What the child last wrote of itself, at most about a second old."""
        path = facts_file(self._folder, self._order.worker)
        if not path.exists():
            return LoadFacts()
        return LoadFacts.model_validate_json(path.read_text(encoding="utf-8"))

    def bad_end(self) -> str:
        """How it ended without having written all it had; empty while it runs or ended well."""
        if self._killed:
            return "the load generator did not end in its grace and was killed"
        return self._why(code) if (code := self._child.poll()) else ""

    def ask_to_stop(self, grace: float) -> None:
        """Tell it to drain and end within `grace` seconds; one that died by itself is not asked."""
        if self._child.poll() is None:
            self._asked_to_stop = True
            self.tell(f"stop {grace:g}")

    def reap(self, within: float) -> None:
        """Wait for its end; after `within` seconds it is killed."""
        try:
            self._child.wait(within)
        except subprocess.TimeoutExpired:
            self._killed = True
            self._child.kill()
            self._child.wait()
        self._ready.close()
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()

    def _why(self, code: int) -> str:
        left = error_file(self._folder, self._order.worker)
        if left.exists():
            return str(json.loads(left.read_text())["message"])
        end = f"signal {-code}" if code < 0 else f"exit code {code}"
        log = self._folder / "load.log"
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        last = f": {lines[-1].strip()}" if lines else ""
        return f"the load generator ended by itself ({end}){last}; see {log}"


def renumbered(chunk: bytearray, series: list[int]) -> bytes:
    """The records with each series index looked up in `series`."""
    halves = _halves(chunk)
    mine = slice(SERIES_AT // halves.itemsize, None, RECORD.size // halves.itemsize)
    halves[mine] = array("H", [series[index] for index in halves[mine]])
    return _halves(halves.tobytes()).tobytes()


def _halves(chunk: bytes | bytearray) -> array[int]:
    """Records are little-endian, arrays are as the machine is; twice is as before."""
    halves = array("H", bytes(chunk))
    if sys.byteorder == "big":
        halves.byteswap()
    return halves
