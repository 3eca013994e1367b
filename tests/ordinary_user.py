"""Run something as a user without any rights, on a machine where everything belongs to root.

An interpreter below a folder that only root may enter is shown to that user in a mount namespace
of its own; the machine's own mounts and modes are never changed.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.stage import lacking

UID = 12345
ROOT = Path(__file__).parents[1]


def as_ordinary_user(
    argv: Iterable[str], env: Mapping[str, str], cwd: Path, timeout: float = 300.0
) -> subprocess.CompletedProcess[str]:
    """What `argv` said (both streams in `stdout`), run by nobody in particular, here in `cwd`.

    Who is an ordinary user already runs it directly. Its TMPDIR is a folder of its own.
    """
    with tempfile.TemporaryDirectory(prefix="chaoskit-user-") as made:
        theirs, aside = Path(made, "tmp"), Path(made, "aside")
        theirs.mkdir()
        aside.mkdir()
        settings = {**env, "HOME": str(theirs), "TMPDIR": str(theirs), "USER": "ordinary"}
        settings |= {"PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_STORAGE_DIRECTORY": str(theirs)}
        command = list(argv)
        if os.geteuid() == 0:
            Path(made).chmod(0o755)
            os.chown(theirs, UID, UID)
            command = _lowered(command, cwd, aside)
        return subprocess.run(
            command,
            env=settings,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )


def _lowered(command: list[str], cwd: Path, aside: Path) -> list[str]:
    """`command` behind all that is needed to run it with no rights and see what it needs."""
    steps = [*_shown({Path(sys.base_prefix), Path(sys.prefix), ROOT, cwd.resolve()}, aside)]
    ids = [f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs"]
    steps.append(shlex.join(["cd", str(cwd)]))
    steps.append(shlex.join(["exec", "setpriv", *ids, "--", *command]))
    if _may_not_unshare():
        lacking("this machine does not let root make a mount namespace (unshare --mount)")
    return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join(steps)]


def _shown(needed: set[Path], aside: Path) -> Iterable[str]:
    """Shell steps that leave, of each closed folder, nothing but what is needed below it."""
    closed: dict[Path, list[Path]] = {}
    for path in sorted(needed):
        for ancestor in reversed([path, *path.parents]):
            if not ancestor.stat().st_mode & 0o001:
                closed.setdefault(ancestor, []).append(path)
                break
    inside = [path for paths in closed.values() for path in paths]
    kept = {path: aside / str(number) for number, path in enumerate(inside)}
    for path, place in kept.items():
        yield shlex.join(["mkdir", str(place)])
        yield shlex.join(["mount", "--bind", str(path), str(place)])
    for folder in closed:
        yield shlex.join(["mount", "-t", "tmpfs", "-o", "mode=755", "none", str(folder)])
    for path, place in kept.items():
        yield shlex.join(["mkdir", "-p", str(path)])
        yield shlex.join(["mount", "--bind", str(place), str(path)])


def _may_not_unshare() -> bool:
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return tried.returncode != 0
