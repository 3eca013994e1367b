"""Where a shop keeps its files, and which ground is free for it.

Everything lies under one folder of the state folder; only a socket whose path would be too long
for the kernel lies elsewhere, and is taken away with the rest.
"""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from local.layout import PORTS, SHOP, Ground

SOCKET_PATH_LIMIT = 107
# An address that no shop takes: whoever holds a port here holds it on all addresses.
NOBODYS_ADDRESS = "127.76.255.254"


@dataclass(frozen=True)
class Place:
    """The files of the shop `project` under the state folder `root`."""

    root: Path
    project: str

    @classmethod
    def of_environment(cls) -> Place:
        root = Path(os.environ.get("SHOP_STATE", SHOP / ".state")).absolute()
        return cls(root, os.environ.get("SHOP_PROJECT", "shop"))

    @property
    def folder(self) -> Path:
        return self.root / f"local-{self.project}"

    @property
    def state(self) -> Path:
        return self.root / f"local-{self.project}.json"

    @property
    def socket(self) -> Path:
        """supervisord's; in a short folder of its own where ours is too deep for a socket."""
        near = self.folder / "supervisor.sock"
        # supervisord binds a name with its pid first and renames it.
        if len(os.fsencode(f"{near}.1234567")) <= SOCKET_PATH_LIMIT:
            return near
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"shop-{digest}" / "supervisor.sock"

    @property
    def pid_file(self) -> Path:
        return self.folder / "supervisord.pid"

    def home(self, node: str) -> Path:
        """What the node keeps."""
        return self.folder / node / "home"

    def files(self, node: str) -> Path:
        """What the node is started from."""
        return self.folder / node / "files"


def free_ground(seed: str, addresses: Iterable[int], proxy_ports: Iterable[int]) -> Ground:
    """The first net from one given by `seed` on where all can listen, and ports that are free."""
    ports = moved_ports()
    wanted = [ports.get(port, port) for port in PORTS]
    for net in _nets(seed):
        places = [(f"{net}.{last}", port) for last in addresses for port in wanted]
        places += [(f"{net}.71", port) for port in proxy_ports]
        if all(can_listen(*place) for place in places):
            return Ground(net, ports)
    raise OSError("no free network among 127.77.1 to 127.77.250; is another shop to be taken down?")


def moved_ports() -> dict[int, int]:
    """Which of our ports somebody holds on every address, and where they go instead."""
    moved: dict[int, int] = {}
    for port in PORTS:
        if not can_listen(NOBODYS_ADDRESS, port):
            taken = {*PORTS, *moved.values()}
            moved[port] = next(
                free
                for free in range(port % 10000 + 30000, 65536)
                if free not in taken and can_listen(NOBODYS_ADDRESS, free)
            )
    return moved


def can_listen(address: str, port: int) -> bool:
    with closing(socket.socket()) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
            trial.listen(1)
        except OSError:
            return False
    return True


def _nets(seed: str) -> Iterator[str]:
    first = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big") % 250
    return (f"127.77.{(first + step) % 250 + 1}" for step in range(250))
