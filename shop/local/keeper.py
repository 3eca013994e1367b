"""supervisord, which keeps the shop's programs: its configuration, its RPC, and what one that was
killed left behind.

No process is ever ended that does not carry this shop's own folder in its environment or on its
command line, looked at right before.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Error, Fault, ServerProxy, Transport

from local.layout import PROXY_API, Layout
from local.place import Place
from local.render import Servers, command, environment

NOT_RUNNING = ("STOPPED", "EXITED", "FATAL", "UNKNOWN", "BACKOFF")
START_S, END_S, ANSWER_S = 10.0, 15.0, 5.0


def own_namespaces() -> tuple[str, ...]:
    """The words that give a program a process namespace of its own; none where we may not.

    Inside, the caller is user 1000: PostgreSQL refuses to run as root. The whole tree ends with
    its first process, and with supervisord.
    """
    words = (
        "unshare", "--user", "--map-user=1000", "--map-group=1000",
        "--pid", "--fork", "--kill-child", "--mount-proc",
    )  # fmt: skip
    tried = subprocess.run([*words, "true"], check=False, capture_output=True)
    return words if tried.returncode == 0 else ()


def configuration(layout: Layout, place: Place, servers: Servers, system: str) -> str:
    """supervisord's file."""
    apart = own_namespaces()
    end = (str(servers["dumb-init"]), "--") if apart else ()
    programs = [
        _program(
            node.name,
            (str(servers["setpriv"]), "--pdeathsig", "KILL", *apart, *end,
             *command(node, place, servers, sys.executable)),
            environment(node, place, servers),
            "unexpected",
            place,
        )
        for node in layout.nodes
    ]  # fmt: skip
    proxy = (
        str(servers["setpriv"]), "--pdeathsig", "KILL", sys.executable, "-m", "chaoskit", "proxy",
        "--host", layout.proxy_address, "--port", str(layout.ground.port(PROXY_API)),
        "--config", str(place.folder / "proxies.json"),
    )  # fmt: skip
    told = {"SHOP_FOLDER": str(place.folder), "PYTHONDONTWRITEBYTECODE": "1"}
    programs.append(_program("fault-proxy", proxy, told, "true", place))
    names = ",".join(node.name for node in layout.nodes)
    return f"""[unix_http_server]
file={_plain(place.socket)}
chmod=0700
[supervisord]
logfile={_plain(place.folder / "supervisord.log")}
logfile_maxbytes=1MB
logfile_backups=1
pidfile={_plain(place.pid_file)}
childlogdir={_plain(place.folder)}
directory={_plain(place.folder)}
nocleanup=true
environment=CHAOSKIT_SYSTEM={_quoted(system)}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[group:{system}]
programs={names}
[group:{system}-instrument]
programs=fault-proxy
{"".join(programs)}"""


def _program(
    name: str, words: tuple[str, ...], told: Mapping[str, str], restart: str, place: Place
) -> str:
    pairs = ",".join(f"{key}={_quoted(value)}" for key, value in told.items())
    return f"""[program:{name}]
command={" ".join(_quoted(word) for word in words)}
environment={pairs}
autostart=false
startsecs=0
autorestart={restart}
exitcodes=0,143
stopsignal=KILL
redirect_stderr=true
stdout_logfile={_plain(place.folder / f"{name}.log")}
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=1
"""


def _quoted(word: str) -> str:
    return '"' + _plain(word).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(word: object) -> str:
    return str(word).replace("%", "%%")


class _OverSocket(Transport):
    """XML-RPC over a Unix socket; nobody waits longer than ANSWER_S."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        self._place = place

    def make_connection(self, host: Any) -> HTTPConnection:
        line = HTTPConnection("shop")
        line.sock = socket.socket(socket.AF_UNIX)
        try:
            line.sock.settimeout(ANSWER_S)
            line.sock.connect(str(self._place))
        except OSError:
            line.sock.close()
            raise
        self._connection = host, line
        return line


class Keeper:
    """The supervisord of one shop."""

    def __init__(self, place: Place, system: str) -> None:
        self.place, self.system = place, system

    def ask(self, question: str, *words: object) -> Any:
        """One call over a connection of its own: the supervisord behind it may be a new one."""
        with ServerProxy("http://shop", transport=_OverSocket(self.place.socket)) as server:
            return getattr(server.supervisor, question)(*words)

    def answers(self) -> bool:
        try:
            return self.ask("getState")["statename"] == "RUNNING"
        except (OSError, Error, HTTPException):
            return False

    def pid(self) -> int | None:
        """supervisord's process, if it is alive and ours."""
        with suppress(OSError, ValueError):
            pid = int(self.place.pid_file.read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            if pid > 1 and os.fsencode(self.place.folder) in words:
                return pid
        return None

    def start(self, servers: Servers) -> None:
        """Start supervisord, in a session of its own; no program runs yet."""
        self.place.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.place.socket.unlink(missing_ok=True)
        self.place.pid_file.unlink(missing_ok=True)
        words = [servers["supervisord"], "--configuration", self.place.folder / "supervisord.conf"]
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, cwd=self.place.folder,
            stdin=subprocess.DEVNULL, timeout=START_S,
        )  # fmt: skip
        if done.returncode:
            raise OSError(f"supervisord did not start: {(done.stderr or done.stdout).strip()}")
        until("supervisord answers", self.answers, START_S)

    def states(self) -> dict[str, str]:
        """Program to supervisord's word for its state."""
        return {one["name"]: one["statename"] for one in self.ask("getAllProcessInfo")}

    def run(self, *names: str) -> None:
        """Start those of the programs that do not run, and thaw those that are frozen."""
        for one in self.ask("getAllProcessInfo"):
            if one["name"] not in names:
                continue
            if one["statename"] in NOT_RUNNING:
                with suppress(Fault):  # its restart policy was quicker
                    self.ask("startProcess", f"{one['group']}:{one['name']}", False)
            elif one["pid"] > 1:
                for pid in (one["pid"], *descendants(one["pid"])):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        """End everything of this shop, also what a killed supervisord left."""
        if (pid := self.pid()) is not None:
            os.kill(pid, signal.SIGKILL)  # every program ends with it
            until("supervisord has ended", lambda: self.pid() is None, END_S)

        def none_left() -> bool:
            left = list(_ours(self.place.folder))
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left

        until("every process has ended", none_left, END_S)
        self.place.socket.unlink(missing_ok=True)
        if self.place.socket.parent != self.place.folder:
            with suppress(OSError):
                self.place.socket.parent.rmdir()


def _ours(folder: Path) -> Iterator[int]:
    """Living processes that were told this folder by their environment."""
    mark = b"SHOP_FOLDER=" + os.fsencode(folder)
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                pid = int(entry.name)
                if pid not in (os.getpid(), os.getppid()):
                    yield pid


def descendants(pid: int) -> set[int]:
    """The processes under `pid`, whatever session they moved to."""
    parents = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            # The name stands in brackets and may hold anything; the parent is the second after.
            parents[int(entry.name)] = int(
                (entry / "stat").read_text().rpartition(")")[2].split()[1]
            )
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return found


def until(what: str, so: Callable[[], bool], within: float) -> None:
    """Wait for it; raises OSError, naming it, after `within` seconds."""
    limit = time.monotonic() + within
    while not so():
        if time.monotonic() > limit:
            raise OSError(f"not after {within:g} s: {what}")
        time.sleep(0.05)
