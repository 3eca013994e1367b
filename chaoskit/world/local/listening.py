"""Whether a program listens at an address, such as that of the proxies' API.

It must never connect to anything: whoever listens is read from the kernel's own tables.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from chaoskit.world.local.programs import Group
from chaoskit.world.local.traffic import ANYWHERE
from chaoskit.world.sockets import TABLES, listening


def listens(group: Group, program: str, url: str) -> bool:
    """Whether `program` of `group` listens at `url`; False where that cannot be read."""
    doors = _doors(url)
    seen = group.look(program) if doors else None
    return seen is not None and any(_holds(process.pid, doors) for process in seen.tree.alive)


def _doors(url: str) -> frozenset[str]:
    """The listening sockets at `url`, by the names that `/proc/<pid>/fd` gives them."""
    parts = urlsplit(url)
    with suppress(OSError):
        table = "".join(Path("/proc/net", name).read_text() for name in TABLES)
        places = {socket.gethostbyname(parts.hostname or ""), *ANYWHERE}
        return frozenset(
            f"socket:[{inode}]"
            for address, port, inode in listening(table)
            if port == parts.port and address in places
        )
    return frozenset()


def _holds(pid: int, doors: frozenset[str]) -> bool:
    """Somebody else's process may not be looked into: then it is not known to."""
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with suppress(OSError):  # closed meanwhile
                if os.readlink(entry.path) in doors:
                    return True
    return False
