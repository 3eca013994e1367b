"""Connections as the kernel's own tables (`/proc/net/tcp` and `tcp6`) list them.

It must never open a connection itself: that would be counted.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

ESTABLISHED, LISTENING = "01", "0A"
TABLES = ("tcp", "tcp6")


@dataclass(frozen=True, order=True)
class Session:
    """One established connection, from the side of the table's owner."""

    address: str
    port: int
    peer: str


def established(table: str) -> Iterator[Session]:
    """Every established connection in `table`, the text of one or more of the kernel's files."""
    for line in table.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == ESTABLISHED:
            (address, port), (peer, peer_port) = _place(fields[1]), _place(fields[2])
            yield Session(address, port, f"{peer}:{peer_port}")


def listening(table: str) -> Iterator[tuple[str, int, str]]:
    """Address, port and inode of every socket in `table` that listens."""
    for line in table.splitlines():
        fields = line.split()
        if len(fields) > 9 and fields[3] == LISTENING:
            yield *_place(fields[1]), fields[9]


def split(listen: str) -> tuple[str, int]:
    """Address and port of `127.0.0.1:80`, `[::]:80` or `:80` (which has no address)."""
    address, _, port = listen.rpartition(":")
    return address.strip("[]"), int(port)


def _place(written: str) -> tuple[str, int]:
    address, _, port = written.rpartition(":")
    return _address(address), int(port, 16)


def _address(digits: str) -> str:
    """The kernel prints each 32-bit word in the machine's own (little-endian) order."""
    words = [bytes.fromhex(digits[i : i + 8])[::-1] for i in range(0, len(digits), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
