"""Commands run the way a node itself would: its environment, its folder, its namespaces.

It must never leave a command behind: one that takes too long is killed with its whole group.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from chaoskit.errors import TargetError
from chaoskit.world.local.processes import Process, everyone

REAPED_WITHIN = 1.0
# What nsenter can join, and how it calls it.
_JOINED = {"user": "--user", "pid": "--pid", "mnt": "--mount", "net": "--net", "uts": "--uts"}


def run_inside(
    name: str, outer: Process, inner: Process, command: tuple[str, ...], timeout: float
) -> tuple[int, str]:
    """Run `command` in node `name`: exit code and output (both streams as they came).

    `outer` is the supervised process, which keeps environment and folder; `inner` is the one whose
    namespaces are joined where this user may. Raises TargetError after `timeout` seconds.
    """
    said = f"could not run `{' '.join(command)}` in '{name}'"
    folder = _folder(outer)
    prefix = _doorway(inner, folder)
    try:
        process = subprocess.Popen(
            [*prefix, *command],
            cwd=folder,
            env=environment_of(outer),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise TargetError(f"{said}: {error.strerror}") from error
    with process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            _kill(process)
            raise TargetError(f"{said} within {timeout:g}s") from error
    return process.returncode, output.decode(errors="replace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """What nsenter started first, so that nsenter itself takes note of its end.

    A child that outlived it would be left to this machine's process 1, and until that looks, the
    node's namespace could not end.
    """
    for child in everyone().values():
        if child.parent == process.pid:
            child.send(signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(REAPED_WITHIN)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def environment_of(process: Process) -> dict[str, str]:
    """What it was started with. Programs that write their title there leave little of it."""
    try:
        written = Path(f"/proc/{process.pid}/environ").read_bytes()
    except OSError:
        written = b""
    pairs = (os.fsdecode(entry).partition("=") for entry in written.split(b"\0") if b"=" in entry)
    found = {key: value for key, _, value in pairs if key}
    return {"PATH": os.environ.get("PATH", os.defpath)} | found


def _folder(process: Process) -> str:
    try:
        return os.readlink(f"/proc/{process.pid}/cwd")
    except OSError:
        return "/"


def _doorway(process: Process, folder: str) -> list[str]:
    """The words that lead into the process's namespaces; none where it has none.

    Raises TargetError where they do not open: outside, the same command would mean other processes.
    """
    own = [flag for kind, flag in _JOINED.items() if _differs(process, kind)]
    if not own:
        return []
    nsenter = shutil.which("nsenter")
    if nsenter is None:
        raise TargetError(
            "nsenter (util-linux) is needed to run a command inside a node's namespaces"
        )
    # Joining a mount namespace leads to its root, so the folder is named once more.
    entry = [nsenter, f"--target={process.pid}", *own, "--preserve-credentials"]
    entry += [f"--wdns={folder}", "--"]
    try:
        tried = subprocess.run([*entry, "true"], capture_output=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetError(f"nsenter does not lead into the node's namespaces: {error}") from error
    if tried.returncode:
        said = tried.stderr.decode(errors="replace").strip()
        raise TargetError(f"nsenter does not lead into the node's namespaces: {said}")
    return entry


def _differs(process: Process, kind: str) -> bool:
    theirs = process.namespace(kind)
    return theirs is not None and theirs != os.readlink(f"/proc/self/ns/{kind}")
