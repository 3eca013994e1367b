"""supervisord, which keeps the shop's programs: its configuration, its RPC, its end.

It must never decide which programs are wanted, nor end a process that is not this shop's.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from local.apart import Apart
from local.layout import PROXY_API, Layout
from local.place import Place
from local.processes import alive, below, has_word, of_folder, send
from local.render import Servers, command, environment

NOT_RUNNING = ("STOPPED", "EXITED", "FATAL", "UNKNOWN", "BACKOFF")
START_S, END_S, CALL_S = 10.0, 15.0, 5.0
# supervisord's faults for a start that came too late or to nothing: strength tells how it went.
ALREADY = (50, 60)


def configuration(layout: Layout, place: Place, servers: Servers, system: str, apart: Apart) -> str:
    """supervisord's file."""
    # The first process of a namespace must pass signals on and collect the dead.
    before = (*apart.words, *((str(servers["dumb-init"]), "--") if apart.namespaces else ()))
    programs = [
        _program(
            node.name,
            (*before, *command(node, place, servers, sys.executable)),
            environment(node, place, servers),
            "unexpected",
            place,
        )
        for node in layout.nodes
    ]
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


class _Line(http.client.HTTPConnection):
    """HTTP over supervisord's Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=CALL_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _Transport(xmlrpc.client.Transport):
    """XML-RPC as the standard library speaks it, over that line."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        line = _Line(self._path)
        self._connection = host, line  # what `close` closes
        return line


class Keeper:
    """The supervisord of one shop."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def answers(self) -> bool:
        try:
            return bool(self._ask("getState")["statename"] == "RUNNING")
        except OSError:
            return False

    def pid(self) -> int | None:
        """supervisord's process, if it is alive and ours."""
        with suppress(OSError, ValueError):
            pid = int(self.place.pid_file.read_text())
            if pid > 1 and has_word(pid, self.place.configuration):
                return pid
        return None

    def start(self, servers: Servers) -> None:
        """Start supervisord, in a session of its own; no program runs yet."""
        self.place.socket.unlink(missing_ok=True)
        self.place.pid_file.unlink(missing_ok=True)
        words = [servers["supervisord"], "--configuration", self.place.configuration]
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, cwd=self.place.folder,
            stdin=subprocess.DEVNULL, timeout=START_S, env=_plain_environment(), umask=0o077,
        )  # fmt: skip
        if done.returncode:
            raise OSError(f"supervisord did not start: {(done.stderr or done.stdout).strip()}")
        until("supervisord answers", self.answers, START_S)

    def states(self) -> dict[str, str]:
        """Program to supervisord's word for its state."""
        return {one["name"]: one["statename"] for one in self._ask("getAllProcessInfo")}

    def run(self, *names: str) -> None:
        """Start those of the programs that do not run, and thaw those that are frozen."""
        for one in self._ask("getAllProcessInfo"):
            if one["name"] not in names:
                continue
            if one["statename"] in NOT_RUNNING:
                self._ask("startProcess", f"{one['group']}:{one['name']}", False)
            elif one["pid"] > 1:
                send(signal.SIGCONT, below(one["pid"]))

    def end(self) -> None:
        """End everything of this shop, also what a killed supervisord left."""
        doomed = set(of_folder(self.place.folder))
        if (pid := self.pid()) is not None:
            os.kill(pid, signal.SIGSTOP)  # or it would start again what is killed before it
            doomed |= set(below(pid))

        def none_left() -> bool:
            # Whoever was started meanwhile is found again; whoever lost its parent is known.
            left = {*alive(doomed), *of_folder(self.place.folder)}
            doomed.update(left)
            send(signal.SIGKILL, left)
            return not left

        until("every process has ended", none_left, END_S)
        self.place.forget_socket()

    def _ask(self, call: str, *words: object) -> Any:
        """One call on a connection of its own. Raises OSError; a start come too late is none."""
        try:
            with xmlrpc.client.ServerProxy("http://shop", _Transport(self.place.socket)) as line:
                return getattr(line.supervisor, call)(*words)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in ALREADY:
                return None
            raise OSError(f"supervisord would not {call}: {fault.faultString}") from fault
        except (http.client.HTTPException, xmlrpc.client.Error, ExpatError) as error:
            raise OSError(f"supervisord does not answer {call}: {error!r}") from error


def _plain_environment() -> dict[str, str]:
    """What supervisord and the nodes are started with: nothing that a server takes for settings."""
    kept = ("PATH", "HOME", "USER", "TMPDIR", "LD_LIBRARY_PATH")
    return {"LC_ALL": "C.UTF-8"} | {key: os.environ[key] for key in kept if key in os.environ}


def until(what: str, so: Callable[[], bool], within: float) -> None:
    """Wait for it; raises OSError, naming it, after `within` seconds."""
    limit = time.monotonic() + within
    while not so():
        if time.monotonic() > limit:
            raise OSError(f"not so after {within:g} s: {what}")
        time.sleep(0.05)
