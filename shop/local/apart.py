"""What stands before the command of each node: a process namespace of its own, and no root.

It must never run a server as root: PostgreSQL refuses it, and the others need no rights.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534


@dataclass(frozen=True)
class Apart:
    """`words` before a node's command; `owner` of its files, where that is not the caller."""

    words: tuple[str, ...]
    namespaces: bool
    owner: int | None = None


class NoWay(Exception):
    """Nodes cannot be run here; the message says why and what to do."""


def ways(servers: Mapping[str, Path]) -> list[Apart]:
    """What may work here, best first.

    In a namespace the whole tree ends with its first process; the caller is user 1000 there. Root
    that may not make one gives itself up; to read its own files is all that it keeps.
    """
    keep = (str(servers["setpriv"]), "--pdeathsig", "KILL")
    space = (
        str(servers["unshare"]), "--user", "--map-user=1000", "--map-group=1000",
        "--pid", "--fork", "--kill-child", "--mount-proc",
    )  # fmt: skip
    own_space = Apart((*keep, *space), namespaces=True)
    if os.geteuid() != 0:
        return [own_space, Apart(keep, namespaces=False)]
    lowered = (
        f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs",
        "--inh-caps=-all,+dac_override", "--ambient-caps=+dac_override",
        # Or access(2), which shells and Redis ask first, would deny what open(2) allows.
        "--securebits=+no_setuid_fixup",
    )  # fmt: skip
    return [own_space, Apart((*keep, *lowered), namespaces=False, owner=NOBODY)]


def find_way(servers: Mapping[str, Path]) -> Apart:
    """The first that works on this machine; raises NoWay when none does."""
    for way in ways(servers):
        words = [*way.words, str(servers["postgres"]), "--version"]
        if subprocess.run(words, check=False, capture_output=True).returncode == 0:
            return way
    raise NoWay(
        "root may neither make process namespaces nor give up its rights here, and PostgreSQL does "
        "not run as root: run it as an ordinary user"
    )
