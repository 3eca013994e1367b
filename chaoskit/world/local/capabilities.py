"""What this machine can do to a system of processes: each ability is really tried.

Tried on a throw-away supervisord with one sleeping program. It must never touch a program of the
system itself.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from chaoskit.errors import ChaoskitError, TargetError, Unreachable
from chaoskit.faults import NODE_CONTROL, PROXY
from chaoskit.ports import Json, NodeState
from chaoskit.world import kernel
from chaoskit.world.capability import Capability, attempt
from chaoskit.world.local import LocalWorld, local_world
from chaoskit.world.local.nodes import LocalNode
from chaoskit.world.local.programs import Group
from chaoskit.world.local.supervisor import Supervisor

UP_WITHIN = 10.0
TETHER = ("setpriv", "--pdeathsig", "KILL")  # what follows ends with whoever started it
# How a program gets a pid namespace of its own that dies with it, as root and as anybody.
OWN_NAMESPACE = (
    *TETHER, "unshare", "--user", "--map-user=1000", "--map-group=1000",
    "--pid", "--fork", "--kill-child", "--mount-proc",
)  # fmt: skip
_TRIAL = """\
[unix_http_server]
file={folder}/s.sock
[supervisord]
logfile=/dev/null
logfile_maxbytes=0
pidfile={folder}/s.pid
nodaemon=true
silent=true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[group:{group}]
programs=trial
[program:trial]
command={command}
stdout_logfile=/dev/null
stderr_logfile=/dev/null
startsecs=0
autorestart=true
stopsignal=KILL
"""


def capabilities(description: Json) -> list[Capability]:
    """Try everything that the world of `description` rests on; never raises for what is missing."""
    try:
        world = local_world(description)
    except ChaoskitError as error:
        missing = str(error)
        return [attempt("supervisord", NODE_CONTROL, partial(_refuse, missing))]
    return [attempt(name, need, partial(trial, world)) for name, need, trial in _TRIALS]


def _refuse(why: str) -> str:
    raise TargetError(why)


def _supervisord(world: LocalWorld) -> str:
    pid = world.group.supervisor.pid()
    return f"supervisord {world.group.supervisor.identity()}, process {pid}"


def _programs(world: LocalWorld) -> str:
    found = set(world.nodes())
    missing = sorted(set(world.description.get("tiers", {})) - found)
    if missing:
        raise TargetError(
            f"no program in group '{world.system}' for {', '.join(missing)}; `chaoskit system up`"
        )
    return f"{len(found)} programs are in group '{world.system}'"


def _namespaces(_: LocalWorld) -> str:
    """Missing namespaces take nothing away: then trees are walked by parents and sessions."""
    if _own_namespace_works():
        return "a program can have a process namespace of its own"
    return "not allowed here (unshare --user --pid): trees are walked instead"


def _own_namespace_works() -> bool:
    if not shutil.which("setpriv") or not shutil.which("unshare"):
        return False
    try:
        return not subprocess.run(
            [*OWN_NAMESPACE, "true"], capture_output=True, timeout=5
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def _lifecycle(_: LocalWorld) -> str:
    """Freeze and thaw, kill and start, by the same code that a run uses."""
    with throwaway() as node:
        for state in (
            NodeState.RUNNING, NodeState.FROZEN, NodeState.RUNNING, NodeState.KILLED,
            NodeState.RUNNING,
        ):  # fmt: skip
            node.reach(state, grace=0)
        node.crash()
        node.reach(NodeState.KILLED, grace=0)
    return "froze, thawed, killed and started a throw-away program"


@contextmanager
def throwaway() -> Iterator[LocalNode]:
    """A sleeping program under a supervisord of its own; both are gone on the way out."""
    group = f"chaoskit-trial-{secrets.token_hex(4)}"
    prefix = OWN_NAMESPACE if _own_namespace_works() else ()
    with tempfile.TemporaryDirectory(prefix="chaoskit-") as folder:
        config, command = Path(folder, "s.conf"), " ".join([*(prefix or TETHER), "sleep", "120"])
        config.write_text(_TRIAL.format(folder=folder, group=group, command=command))
        # It ends with us, even by SIGKILL, and its program with it.
        words = [*TETHER, sys.executable, "-m", "supervisor.supervisord", "-c", str(config)]
        keeper = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        node = LocalNode("trial", "trial", Group(Supervisor(f"{folder}/s.sock"), group))
        try:
            _await(node)
            yield node
        finally:
            _end(keeper)


def _await(node: LocalNode) -> None:
    until = time.monotonic() + UP_WITHIN
    while True:
        try:
            node.group.supervisor.pid()
            return
        except Unreachable:
            if time.monotonic() > until:
                raise
        time.sleep(0.05)


def _end(keeper: subprocess.Popen[bytes]) -> None:
    """SIGTERM makes it end its program first; SIGKILL where it does not listen."""
    keeper.send_signal(signal.SIGTERM)
    try:
        keeper.wait(10)
    except subprocess.TimeoutExpired:
        keeper.kill()
        keeper.wait()


def _addresses(world: LocalWorld) -> str:
    asked = {name: node.answers() for name, node in world.nodes().items()}
    silent = sorted(name for name, answer in asked.items() if answer is False)
    if silent:
        raise TargetError(f"no answer from {', '.join(silent)}: they are down or still starting")
    if not any(asked.values()):
        raise TargetError(
            "not tried: no tier declares how its nodes answer (`alive`), or the state file gives "
            "no `addresses`"
        )
    return f"{sum(answer is True for answer in asked.values())} nodes answer at their own address"


def _proxies(world: LocalWorld) -> str:
    if world.server is None:
        raise TargetError("the runtime names no `proxies` (the URL of Toxiproxy's API)")
    version = world.server.version()
    for name, proxies in world.description["links"].items():
        if proxies:
            world.link(name).survey()
    return f"Toxiproxy's API {version} at {world.server.url}, with every declared proxy"


def _kernel(_: LocalWorld) -> str:
    return kernel.in_fingerprints()


def _counting(world: LocalWorld) -> str:
    if world.traffic.sessions((), patient=False) is None:
        raise TargetError(
            "connections on the proxies cannot be counted (/proc/net/tcp cannot be read): link "
            "faults will stay unproven"
        )
    return "connections on the proxies can be counted"


def _commands(_: LocalWorld) -> str:
    with throwaway() as node:
        node.reach(NodeState.RUNNING, grace=0)
        code, said = node.execute(("echo", "here"))
    if (code, said) != (0, "here\n"):
        raise TargetError(f"a command inside a node ended with {code} and said {said!r}")
    return f"run as user {os.getuid()}, inside the node's own namespaces where it has them"


_TRIALS: tuple[tuple[str, str, Callable[[LocalWorld], str]], ...] = (
    ("supervisord", NODE_CONTROL, _supervisord),
    ("programs of the group", NODE_CONTROL, _programs),
    ("process namespaces", NODE_CONTROL, _namespaces),
    ("freeze, kill, start", NODE_CONTROL, _lifecycle),
    ("commands inside", "", _commands),
    ("rules on loopback", "", _kernel),
    ("node addresses", NODE_CONTROL, _addresses),
    ("proxies", PROXY, _proxies),
    ("counting connections", PROXY, _counting),
)
