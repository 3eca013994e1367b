"""supervisord's own calls over its Unix socket: a timeout on every one, errors in sentences.

A connection serves one call: opening one costs a tenth of a millisecond, and a call that hangs
holds up nobody else. It must never decide what to do with a program.
"""

from __future__ import annotations

import http.client
import socket
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from xml.parsers.expat import ExpatError

from chaoskit.errors import TargetError, Unreachable
from chaoskit.ports import Json

CALL_TIMEOUT = 5.0
ADVICE = "`chaoskit system up` starts the system"
# The numbers of supervisord's faults (supervisor.xmlrpc.Faults) that are answers to us.
SHUTTING_DOWN, BAD_NAME, SPAWN_ERROR, ALREADY_STARTED, NOT_RUNNING = 6, 10, 50, 60, 70


@dataclass(frozen=True)
class Supervisor:
    """The supervisord that listens at `socket_path`; `timeout` is in seconds, for each call."""

    socket_path: str
    timeout: float = CALL_TIMEOUT

    def pid(self) -> int:
        """Its process id. Raises Unreachable when nobody answers in time, as every call does."""
        with self._asking("say its pid") as calls:
            return int(calls.getPID())

    def identity(self) -> str:
        with self._asking("say its name") as calls:
            return str(calls.getIdentification())

    def programs(self) -> list[Json]:
        """What it says of every program that it holds, whatever its group."""
        with self._asking("list its programs") as calls:
            found: list[Json] = calls.getAllProcessInfo()
            return found

    def program(self, group: str, name: str) -> Json | None:
        """What it says of one program; None when that group holds none of that name."""
        with self._asking(f"describe '{name}'", accept=(BAD_NAME,)) as calls:
            seen: Json = calls.getProcessInfo(f"{group}:{name}")
            # A name with a colon or a star in it would be read as something else.
            return seen if (seen["group"], seen["name"]) == (group, name) else None
        return None

    def settings(self, group: str, name: str) -> Json | None:
        """How that program is configured, as far as supervisord tells."""
        with self._asking("tell its configuration") as calls:
            found: list[Json] = calls.getAllConfigInfo()
        return next((s for s in found if (s["group"], s["name"]) == (group, name)), None)

    def hold_down(self, group: str, name: str) -> None:
        """Send the program its stop signal and start it no more; does not wait for its end."""
        with self._asking(f"stop '{name}'", accept=(NOT_RUNNING,)) as calls:
            calls.stopProcess(f"{group}:{name}", False)

    def start(self, group: str, name: str) -> None:
        """Start it and arm its restart policy; does not wait until it runs."""
        accepted = (ALREADY_STARTED, SPAWN_ERROR)  # a look later tells how it went
        with self._asking(f"start '{name}'", accept=accepted) as calls:
            calls.startProcess(f"{group}:{name}", False)

    @contextmanager
    def _asking(self, deed: str, accept: tuple[int, ...] = ()) -> Iterator[Any]:
        """Its calls; the faults in `accept` end the block without a word."""
        transport = _Transport(self.socket_path, self.timeout)
        try:
            with xmlrpc.client.ServerProxy("http://localhost", transport) as proxy:
                yield proxy.supervisor
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == SHUTTING_DOWN:
                raise Unreachable(
                    f"supervisord at {self.socket_path} is shutting down; {ADVICE}"
                ) from fault
            if fault.faultCode not in accept:
                raise TargetError(f"supervisord would not {deed}: {fault.faultString}") from fault
        except TimeoutError as error:
            raise Unreachable(
                f"supervisord at {self.socket_path} did not {deed} within {self.timeout:g}s; "
                f"is it frozen? {ADVICE}"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            said = getattr(error, "strerror", None) or " ".join(str(error).split())
            raise Unreachable(
                f"no supervisord answers at {self.socket_path} ({said}); {ADVICE}"
            ) from error
        except (xmlrpc.client.Error, ExpatError) as error:
            raise TargetError(
                f"what answers at {self.socket_path} is no supervisord ({error}); {ADVICE}"
            ) from error


class _Line(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path
        self._answer: http.client.HTTPResponse | None = None

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def getresponse(self) -> http.client.HTTPResponse:
        self._answer = super().getresponse()
        return self._answer

    def close(self) -> None:
        super().close()
        if self._answer is not None:  # it keeps the socket where the peer announces no length
            self._answer.close()


class _Transport(xmlrpc.client.Transport):
    """As the standard library speaks XML-RPC, over a Unix socket and with a timeout."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__()
        self._path, self._timeout = path, timeout

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        line = _Line(self._path, self._timeout)
        self._connection = host, line  # what `close` closes
        return line
