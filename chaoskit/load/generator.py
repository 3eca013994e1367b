"""The parent's side of the load: starts the child, reads what it wrote, ends it.

It must never import locust or gevent (gevent replaces parts of the interpreter), and it must
leave no child behind: the child ends when the pipe to it closes.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from select import select

from chaoskit.errors import LoadError
from chaoskit.load.order import Order
from chaoskit.load.recorder import files
from chaoskit.model.experiment import LoadSpec
from chaoskit.model.ledger import LedgerSpec
from chaoskit.model.samples import RECORD
from chaoskit.model.system import Outcomes
from chaoskit.model.timeline import LoadFacts

READY_WITHIN = 30.0


class LocustLoad:
    """Open-loop load from a Locust script. Implements `ports.Load`; `pid` is None until started.

    A script whose client fails over finds all entries, `host` first, as `self.entries`. `ledger`
    says which requests are written down.
    """

    def __init__(
        self,
        spec: LoadSpec,
        locustfile: Path,
        host: str,
        outcomes: Outcomes,
        *,
        seed: int,
        others: tuple[str, ...] = (),
        ledger: LedgerSpec | None = None,
        python: str = sys.executable,
    ) -> None:
        self.pid: int | None = None
        self._spec = spec
        self._script = locustfile.absolute()
        self._host = host.rstrip("/")
        self._entries = (self._host, *(other.rstrip("/") for other in others))
        self._outcomes = outcomes
        self._ledger = ledger
        self._seed = seed
        self._python = python
        self._child: subprocess.Popen[bytes] | None = None
        self._folder = Path()
        self._offset = 0
        self._began = False
        self._asked_to_stop = False
        self._killed = False

    def start(self, folder: Path, begin: float) -> int:
        """Make it send from `begin` on; returns the process id.

        Without an earlier `prepare` this does it first, which must be over before `begin`.
        Raises LoadError with the script's own message, or when it is not ready in time.
        """
        if self._began:
            raise LoadError("this load was started before; make a new one for each run")
        if self._child is None:
            self.prepare(folder, min(begin - time.monotonic(), READY_WITHIN))
        self._began = True
        if time.monotonic() >= begin:
            self.stop(0.0)
            raise LoadError("the first arrival was due before the load generator could begin")
        with contextlib.suppress(BrokenPipeError):
            self._tell(f"begin {begin!r}\n")
        self.check()
        assert self.pid is not None
        return self.pid

    def prepare(self, folder: Path, within: float = READY_WITHIN) -> int:
        """Start the child and wait until its script is loaded: one second, more on a busy machine.

        It sends nothing yet. Returns the process id; raises LoadError as `start` does.
        """
        if self._child is not None:
            raise LoadError("this load was started before; make a new one for each run")
        if not self._script.is_file():
            raise LoadError(f"{self._script}: no such load script; look at `load: locustfile`")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.absolute()
        ready, tell = os.pipe()
        try:
            self._child = self._spawn(tell)
        finally:
            os.close(tell)
        with open(ready, "rb", buffering=0) as signal:
            self._await_ready(signal.fileno(), max(within, 0.0))
        self.pid = self._child.pid
        return self.pid

    def check(self) -> None:
        """Raises LoadError when the child ended by itself."""
        if self._child is None or self._asked_to_stop:
            return
        if (code := self._child.poll()) is not None:
            raise LoadError(self._why(code))

    def read(self) -> tuple[bytes, tuple[str, ...]]:
        """Whole records since the last call, and every series name so far."""
        records, names = files(self._folder)
        if self._child is None or not records.exists():
            return b"", ()
        with records.open("rb") as file:
            file.seek(self._offset)
            chunk = file.read()
        chunk = chunk[: len(chunk) - len(chunk) % RECORD.size]
        self._offset += len(chunk)
        # After the records: a name is always written before its first record.
        lines = names.read_text(encoding="utf-8").split("\n")
        return chunk, tuple(lines[:-1])

    def facts(self) -> LoadFacts:
        """What the child last wrote of itself, at most about a second old."""
        path = self._folder / "facts.json"
        if self._child is None or not path.exists():
            return LoadFacts()
        facts = LoadFacts.model_validate_json(path.read_text(encoding="utf-8"))
        if not self._killed:
            return facts
        # Else requests in flight at the end would be missing from the samples without a word.
        killed = "the load generator did not end in its grace and was killed: its last samples miss"
        return facts.model_copy(update={"warnings": (*facts.warnings, killed)})

    def stop(self, grace: float = 5.0) -> None:
        """End the child within `grace` seconds: what is in flight by then has failed."""
        if self._child is None or self._asked_to_stop:
            return
        if self._child.poll() is None:
            self._asked_to_stop = True
            # It may die at this very moment; then there is nothing left to ask.
            with contextlib.suppress(BrokenPipeError):
                self._tell(f"stop {grace:g}\n")
        self._reap(grace)

    def _spawn(self, tell: int) -> subprocess.Popen[bytes]:
        order = self._order(tell)
        with (self._folder / "load.log").open("ab") as log:
            # A session of its own: Ctrl-C in the terminal must not end it before the runner
            # has unwound. -P: the working directory must not shadow modules.
            child = subprocess.Popen(
                [self._python, "-P", "-m", "chaoskit.load.child", str(self._folder)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(tell,),
                start_new_session=True,
            )
        self._child = child
        with contextlib.suppress(BrokenPipeError):
            self._tell(order.model_dump_json() + "\n")
        return child

    def _order(self, tell: int) -> Order:
        return Order(
            folder=str(self._folder),
            locustfile=str(self._script),
            host=self._host,
            entries=self._entries,
            rate=float(self._spec.rate),
            timeout=float(self._spec.timeout),
            arrivals=self._spec.arrivals,
            in_flight=self._spec.in_flight,
            outcomes=self._outcomes,
            ledger=self._ledger,
            seed=self._seed,
            parent=os.getpid(),
            parent_is_main_thread=threading.current_thread() is threading.main_thread(),
            ready=tell,
        )

    def _tell(self, line: str) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        self._child.stdin.write(line.encode())
        self._child.stdin.flush()

    def _await_ready(self, signal: int, within: float) -> None:
        assert self._child is not None
        answered = bool(select([signal], [], [], within)[0])
        if answered and os.read(signal, 16):
            return
        self._reap(1.0 if answered else 0.0)
        if answered:
            raise LoadError(self._why(self._child.returncode))
        raise LoadError(
            f"the load generator was not ready {within:.1f} s after its start; "
            f"leave it more time before the first arrival, or see {self._folder / 'load.log'}"
        )

    def _reap(self, grace: float) -> None:
        assert self._child is not None
        try:
            self._child.wait(grace)
        except subprocess.TimeoutExpired:
            self._killed = True
            self._child.kill()
            self._child.wait()
        if self._child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._child.stdin.close()

    def _why(self, code: int) -> str:
        left = self._folder / "error.json"
        if left.exists():
            return str(json.loads(left.read_text())["message"])
        end = f"signal {-code}" if code < 0 else f"exit code {code}"
        log = self._folder / "load.log"
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        last = f": {lines[-1].strip()}" if lines else ""
        return f"the load generator ended by itself ({end}){last}; see {log}"
