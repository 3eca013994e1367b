"""Where a shop keeps its files, and which ground is free for it.

Everything lies under one folder of the state folder; only a socket whose path would be too long
for the kernel lies elsewhere, and is taken away with the rest.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from local.layout import SHOP, Ground, Layout, read_layout

SOCKET_PATH_LIMIT = 107
# An address that no shop takes: whoever holds a port here holds it on all addresses.
NOBODYS_ADDRESS = "127.76.255.254"


class BadName(ValueError):
    """A name that cannot be one; the message says which and why."""


@dataclass(frozen=True)
class Place:
    """The files of the shop `project` under the state folder `root`."""

    root: Path
    project: str

    @classmethod
    def of_environment(cls) -> Place:
        root = Path(os.environ.get("SHOP_STATE", SHOP / ".state")).resolve()
        if "%" in str(root):
            raise BadName(f"supervisord takes no folder with a % in its path: {root}")
        return cls(root, named("SHOP_PROJECT"))

    @property
    def folder(self) -> Path:
        return self.root / f"local-{self.project}"

    @property
    def state(self) -> Path:
        return self.root / f"local-{self.project}.json"

    @property
    def configuration(self) -> Path:
        """supervisord's file."""
        return self.folder / "supervisord.conf"

    @property
    def socket(self) -> Path:
        """supervisord's; in a short folder of its own where ours is too deep for a socket."""
        try:
            return Path((self.folder / "socket-path").read_text())
        except FileNotFoundError:
            return self.folder / "supervisor.sock"

    def choose_socket(self) -> None:
        """Find a short folder where that is needed. Raises OSError where there is none."""
        if not _too_long(self.folder / "supervisor.sock"):
            return
        short = Path(tempfile.mkdtemp(prefix="shop-")) / "supervisor.sock"
        (self.folder / "socket-path").write_text(str(short))
        if _too_long(short):
            raise OSError(f"no socket can be made at {short}: name a shorter folder with TMPDIR")

    def forget_socket(self) -> None:
        """Take it away, and the folder that was made for it."""
        path = self.socket
        path.unlink(missing_ok=True)
        if path.parent != self.folder:
            with suppress(OSError):
                path.parent.rmdir()

    @property
    def pid_file(self) -> Path:
        return self.folder / "supervisord.pid"

    def home(self, node: str) -> Path:
        """What the node keeps."""
        return self.folder / node / "home"

    def files(self, node: str) -> Path:
        """What the node is started from."""
        return self.folder / node / "files"


def _too_long(path: Path) -> bool:
    # supervisord binds a name with its pid behind it first and renames it.
    return len(os.fsencode(f"{path}.1234567")) > SOCKET_PATH_LIMIT


def named(variable: str) -> str:
    """A name of the environment that files and programs are called by. Raises BadName."""
    name = os.environ.get(variable, "shop")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", name):
        raise BadName(f"{variable}={name} is no name: letters, digits, - and _")
    return name


def claim(what: str) -> socket.socket | None:
    """A lock that everybody on this machine sees and that ends with us; None if it is held.

    An abstract socket: it leaves no file, and nobody has to clear it after a SIGKILL.
    """
    held = socket.socket(socket.AF_UNIX)
    try:
        held.bind(f"\0chaoskit-shop {hashlib.sha256(what.encode()).hexdigest()}")
    except OSError:
        held.close()
        return None
    return held


def free_ground(seed: str) -> tuple[Ground, socket.socket]:
    """The first net from one given by `seed` on where all can listen, and ports that are free.

    The net stays claimed while the second is open. Raises OSError when there is no free one.
    """
    trial = read_layout(Ground("127.77.0", {}), "")
    ports = moved_ports({port for _, port in trial.listens})
    for net in _nets(seed):
        ground = Ground(net, ports)
        if (held := claim(net)) is not None:
            if is_free(read_layout(ground, "")):
                return ground, held
            held.close()
    raise OSError("no free network among 127.77.1 to 127.77.250; is another shop to be taken down?")


def is_free(layout: Layout) -> bool:
    """Whether nobody listens where this shop is going to."""
    return all(can_listen(*place) for place in layout.listens)


def moved_ports(wanted: set[int]) -> dict[int, int]:
    """Which of our ports somebody holds on every address, and where they go instead."""
    moved: dict[int, int] = {}
    for port in sorted(wanted):
        if not can_listen(NOBODYS_ADDRESS, port):
            taken = {*wanted, *moved.values()}
            moved[port] = next(
                free
                for free in range(port % 1000 + 20000, 32768)
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
