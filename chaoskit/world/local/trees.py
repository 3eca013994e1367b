"""The tree of processes that one supervised program is: found, frozen, thawed, killed.

A program may fork, and its children may start sessions of their own. Where it lives in a pid
namespace of its own, the namespace tells who belongs to it; otherwise parents, groups and
sessions do. Nothing here may signal a process that it did not find so itself.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chaoskit.errors import TargetError
from chaoskit.world.local.processes import Process, everyone

FREEZE_WITHIN = 2.0
SCAN_EVERY = 0.001


@dataclass(frozen=True)
class Tree:
    """What was found below some roots; empty when they are gone."""

    members: tuple[Process, ...] = ()

    @property
    def alive(self) -> tuple[Process, ...]:
        return tuple(member for member in self.members if member.alive)

    @property
    def frozen(self) -> bool:
        """Whether there is somebody, and nobody runs."""
        return bool(self.alive) and all(member.stopped for member in self.alive)

    @property
    def touched(self) -> bool:
        """Whether at least one is stopped."""
        return any(member.stopped for member in self.alive)

    def inner(self, root: Process) -> Process | None:
        """The first process of the namespace that `root` made for the program, if it made one."""
        for member in self.alive:
            if member.parent == root.pid and member.first_of_its_namespace():
                return member
        return None


def tree_of(roots: Iterable[Process]) -> Tree:
    """One scan: those of `roots` that still exist, and everything that belongs to them."""
    present = everyone()
    found = {
        root.pid: present[root.pid]
        for root in roots
        if root.pid in present and present[root.pid].started == root.started
    }
    while found and (more := _kin(found, present) or _namesakes(found, present)):
        found |= more
    if os.getpid() in found:
        raise TargetError("chaoskit itself runs inside that node: it cannot hurt it from there")
    return Tree(tuple(found[pid] for pid in sorted(found)))


def _kin(found: Mapping[int, Process], present: Mapping[int, Process]) -> dict[int, Process]:
    """Children, and those in a group or session that one of them leads.

    The kernel gives no pid away while a group or session bears its number.
    """
    return {
        pid: process
        for pid, process in present.items()
        if pid not in found
        and (process.parent in found or process.group in found or process.session in found)
    }


def _namesakes(found: Mapping[int, Process], present: Mapping[int, Process]) -> dict[int, Process]:
    """All who live in a namespace that was begun in the tree.

    One that was merely entered from the tree is somebody else's.
    """
    begun = {
        namespace
        for process in found.values()
        if process.first_of_its_namespace() and (namespace := process.namespace())
    }
    if not begun:
        return {}
    return {
        pid: process
        for pid, process in present.items()
        if pid not in found and process.namespace() in begun
    }


def freeze(roots: Iterable[Process], within: float = FREEZE_WITHIN) -> Tree:
    """Stop everything; whoever is forked meanwhile is in the next scan.

    Done when two scans in a row find the same, all of them stopped. What is returned may not
    be `frozen` when that took more than `within` seconds.
    """
    roots, before, until = tuple(roots), frozenset[Process](), time.monotonic() + within
    while True:
        tree = tree_of(roots)
        now = frozenset(tree.alive)
        if (now == before and tree.frozen) or not now or time.monotonic() > until:
            return tree
        for member in tree.alive:
            if not member.stopped:
                member.send(signal.SIGSTOP)
        before = now
        time.sleep(SCAN_EVERY)


def thaw(tree: Tree) -> None:
    """Let everything go on, the first root last."""
    for member in reversed(tree.alive):
        if member.stopped:
            member.send(signal.SIGCONT)


def destroy(roots: Iterable[Process], within: float) -> None:
    """SIGKILL for everything; returns when `/proc` shows nobody of it any more.

    It is frozen first, so that nobody forks a way out. Raises TargetError, naming who is left,
    after `within` seconds.
    """
    doomed = freeze(roots).members
    for member in doomed:
        member.send(signal.SIGKILL)
    until = time.monotonic() + within
    while left := survivors(doomed):
        if time.monotonic() > until:
            pids = ", ".join(str(process.pid) for process in left)
            raise TargetError(f"still there {within:g}s after SIGKILL: process {pids}")
        time.sleep(SCAN_EVERY)


def survivors(processes: Iterable[Process]) -> tuple[Process, ...]:
    """Those that are alive, each as it is now."""
    seen = (process.now() for process in processes)
    return tuple(process for process in seen if process is not None and process.alive)
