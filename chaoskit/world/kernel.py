"""What the kernel holds for a process: rules and queues of its network namespace, clock offsets.

Read for fingerprints, where this machine lets us: as root, for a process of this machine, with
nsenter, iptables-save and tc. It must never change anything, and never take «cannot be read» for
«there is nothing»: what cannot be read is left out.

The nat table is left out on purpose: a container engine keeps its own rules for names there, with
ports that are others at every start. Comments and counters change nothing and are dropped, like
the order of tables; a chain that is empty and lets everything pass is as good as none.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chaoskit.ports import Json

TABLES = ("filter", "mangle", "raw")
TOOLS = ("nsenter", "iptables-save", "tc")
TIMEOUT = 5.0
AT_ONCE = 4
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
# One shell for all, for a start costs more than the reading; each part says whether it was read.
_SCRIPT = "".join(
    f"iptables-save -t {table} && echo '=read {table}'; " for table in TABLES
) + "tc qdisc show && echo '=read qdiscs'"  # fmt: skip
_COMMENT = re.compile(r' -m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+)')
_PASSING = re.compile(r":\S+ ACCEPT\b")


def of_processes(pids: Iterable[int]) -> dict[int, Json]:
    """For each process what can be read of it; several are asked at once."""
    asked = list(pids)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(asked, pool.map(of_process, asked), strict=True))


def of_process(pid: int) -> Json:
    """Rules and queues of its network namespace and its clock offsets, whatever can be read."""
    space = f"/proc/{pid}/ns/net"
    if _name(space) == _name("/proc/self/ns/net"):
        return of_loopback() | clock_of(pid)
    printed = _run(["nsenter", f"--net={space}", "sh", "-c", _SCRIPT])
    return network(printed) | clock_of(pid)


def _name(space: str) -> str:
    try:
        return os.readlink(space)
    except OSError:  # it ended, or it is not ours to read
        return space


def of_loopback() -> Json:
    """Of the namespace that we live in, what could touch traffic on the loopback addresses.

    Other systems live there too, and a container engine writes its own rules as containers come
    and go: they concern other interfaces, and are left out.
    """
    found = network(_run(["sh", "-c", _SCRIPT]))
    kept: Json = {key: [r for r in rows if _on_loopback(r)] for key, rows in found.items()}
    return kept


def clock_of(pid: int) -> Json:
    """How far its clocks are set off, in seconds and nanoseconds, by the kernel's own table."""
    try:
        table = Path(f"/proc/{pid}/timens_offsets").read_text()
    except OSError:  # it ended, it is not ours to read, or the kernel has no such thing
        return {}
    rows = (line.split() for line in table.splitlines() if line.strip())
    return {"clock offsets": {name: " ".join(figures) for name, *figures in rows}}


def network(printed: str) -> Json:
    """What the script printed, as rules by table and queues; only the parts that were read."""
    found: Json = {}
    rows: list[str] = []
    for line in printed.splitlines():
        if line.startswith("=read "):
            part = line.removeprefix("=read ")
            if part == "qdiscs":
                found[part] = sorted(_queue(row) for row in rows if " noqueue " not in row)
            else:
                found[f"{part} rules"] = [rule for row in rows if (rule := _rule(row))]
            rows = []
        else:
            rows.append(line)
    return found


def in_fingerprints() -> str:
    """For `doctor`: whether fingerprints know the rules here. What is missing takes no fault away.

    It is said all the same: a rule that is left behind would then go unseen.
    """
    lacking = readable()
    if lacking:
        return f"left out of fingerprints: {lacking}"
    return "rules, queues and clock offsets stand in the fingerprints"


def readable() -> str:
    """Why rules of namespaces cannot be read here; empty when they can."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"there is no {', '.join(missing)} on PATH"
    found = network(_run(["sh", "-c", _SCRIPT]))
    unread = [table for table in TABLES if f"{table} rules" not in found]
    return f"iptables-save may not read {', '.join(unread)}; it needs root" if unread else ""


def _run(words: list[str]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _rule(row: str) -> str:
    """A rule, or a chain that does not simply let everything pass; empty for the rest."""
    if row.startswith("-A "):
        return _COMMENT.sub("", row).strip()
    if row.startswith(":") and not _PASSING.match(row):
        return re.sub(r" \[\d+:\d+\]$", "", row)
    return ""


def _queue(row: str) -> str:
    """One line of tc, without the handle and the count that are others each time."""
    return re.sub(r"^(qdisc \S+) \S+", r"\1", re.sub(r" refcnt \d+", "", row)).strip()


def _on_loopback(row: str) -> bool:
    """Whether a rule, chain or queue can concern what goes over the loopback interface."""
    words = row.split()
    if words[0] == "qdisc":
        return _after(words, "dev") == "lo"
    if re.match(r"(?::|-A )(?:FORWARD|DOCKER)", row):
        return False
    if any(_names_other(words, flag) for flag in ("-i", "-o")):
        return False
    return all(_may_be_loopback(words, flag) for flag in ("-s", "-d"))


def _names_other(words: list[str], flag: str) -> bool:
    """The rule is for one interface, and that is another than lo."""
    named = _after(words, flag)
    return named not in (None, "lo") and words[words.index(flag) - 1] != "!"


def _may_be_loopback(words: list[str], flag: str) -> bool:
    named = _after(words, flag)
    if named is None or words[words.index(flag) - 1] == "!":
        return True
    try:
        return ipaddress.ip_network(named, strict=False).overlaps(LOOPBACK)
    except ValueError:  # no plain address: it may be any
        return True


def _after(words: list[str], flag: str) -> str | None:
    return words[words.index(flag) + 1] if flag in words[:-1] else None
