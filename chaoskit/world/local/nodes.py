"""One node of the local runtime: a program's tree of processes, brought from state to state.

Every deed is one look, one step, another look; what supervisord and `/proc` say then decides.
It must never touch a process outside the tree that it has just found.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chaoskit.errors import TargetError
from chaoskit.model.system import Ping
from chaoskit.ports import DOWN, NodeFacts, NodeState
from chaoskit.world.local.commands import run_inside
from chaoskit.world.local.programs import Group, Program
from chaoskit.world.local.trees import Tree, destroy, freeze, survivors, thaw, tree_of
from chaoskit.world.ping import ping, ping_once

SETTLE = 15.0  # the longest wait of a restart policy that is worth sitting out
LOOK_EVERY = 0.02
DIE_WITHIN = 5.0
START_AGAIN = 1.0  # seconds between two starts of a program that ends at once


@dataclass(frozen=True)
class LocalNode:
    """One program of our group, by name; `address` is where it listens while it is up."""

    name: str
    tier: str
    group: Group
    address: str | None = None
    ports: Mapping[int, int] = field(default_factory=dict)
    question: Ping | None = None

    def facts(self) -> NodeFacts:
        """supervisord counts no restarts: `restarts` is always 0, `incarnation` tells of them.

        A pid is part of the incarnation, so that a node which is down has another than before.
        """
        seen = self.group.look(self.name)
        if seen is None:
            return NodeFacts(NodeState.ABSENT, ports=self.ports)
        keeper = self.group.supervisor.identity()
        return NodeFacts(
            state=seen.state,
            identity=f"{keeper}/{self.group.name}:{self.name}",
            incarnation=seen.incarnation,
            exit_code=seen.exit_code,
            address=self.address if seen.alive else None,
            ports=self.ports,
        )

    def reach(self, state: NodeState, grace: float = 10.0) -> None:
        """Make `state` true. For `stopped` and `killed`, down is down: how, `facts` tells.

        Down means that nothing of its tree is left and that its policy is disarmed; a start arms
        it again. Where the program's own `stopwaitsecs` is shorter than `grace`, that counts.
        Raises TargetError with supervisord's words when it is not so after `grace` + 15 s.
        """
        if state is NodeState.ABSENT:
            raise TargetError(f"node '{self.name}' is not made absent: that could not be undone")
        deadline, started = time.monotonic() + grace + SETTLE, -math.inf
        polite = state is NodeState.STOPPED and grace > 0
        while not _is(seen := self._own(), state):
            if time.monotonic() > deadline:
                raise TargetError(
                    f"node '{self.name}' is {seen.state} instead of {state} after "
                    f"{grace + SETTLE:g}s (supervisord: {_words(seen)}); look at {_log(seen)}"
                )
            if state not in DOWN:
                may_start = time.monotonic() - started >= START_AGAIN
                if self._step_up(seen, state, may_start):
                    started = time.monotonic()
            elif polite:
                self._ask_to_end(seen, grace)
                polite = False  # who comes back after that was not asked in vain: it is killed
            else:
                self._end(seen)
            time.sleep(LOOK_EVERY)

    def restart(self, grace: float = 0.0) -> None:
        """Down within `grace` seconds (0: by SIGKILL), and up again."""
        self.reach(NodeState.STOPPED if grace > 0 else NodeState.KILLED, grace)
        self.reach(NodeState.RUNNING)

    def crash(self) -> None:
        """SIGKILL for its whole tree, behind supervisord's back: its policy decides what follows.

        Returns once the old processes are gone. Raises TargetError for a node that is down.
        """
        seen = self._own()
        if not seen.alive:
            raise TargetError(f"node '{self.name}' is {seen.state}: nothing runs that could crash")
        destroy(seen.tree.alive, DIE_WITHIN)

    def answers(self, timeout: float = 1.0) -> bool | None:
        """By its own address, also while it is down: a child may have escaped, and serve on.

        None where no ping is declared, or where the state file gives the node no address.
        """
        if self.question is None or self.address is None:
            return None
        seen = self.group.look(self.name)
        ask = ping if seen is not None and seen.alive else ping_once
        return ask(self.address, self._asked(self.question), timeout)

    def execute(self, command: tuple[str, ...], timeout: float = 5.0) -> tuple[int, str]:
        """Run `command` as the node would: in its namespaces, environment and folder.

        Raises TargetError when the node does not run, or when it takes longer than `timeout` s.
        """
        seen = self._own()
        if seen.state is not NodeState.RUNNING or seen.root is None or seen.proper is None:
            raise TargetError(
                f"could not run `{' '.join(command)}` in '{self.name}': it is {seen.state}"
            )
        return run_inside(self.name, seen.root, seen.proper, command, timeout)

    def _asked(self, question: Ping) -> Ping:
        port = self.ports.get(question.port, question.port)
        return Ping(question.protocol, port, question.path)

    def _own(self) -> Program:
        seen = self.group.look(self.name)
        if seen is None:
            raise self.group.refusal(self.name)
        return seen

    def _step_up(self, seen: Program, wanted: NodeState, may_start: bool) -> bool:
        """One deed towards `running` or `frozen`; the caller looks again and judges.

        Whether it was started: one that ends at once is to get one start a second, not fifty.
        """
        if seen.word == "STOPPING" and seen.tree.touched:
            self._end(seen)  # somebody died while taking it down: finish that first
        elif wanted is NodeState.RUNNING and seen.tree.touched:
            thaw(seen.tree)
        elif wanted is NodeState.FROZEN and seen.word in ("RUNNING", "STARTING") and seen.root:
            freeze([seen.root])
        elif may_start and seen.word == "BACKOFF":
            self.group.hold_down(self.name)  # its next try may be far off; ours follows at once
        elif may_start and seen.down:
            self.group.start(self.name)
            return True
        return False

    def _ask_to_end(self, seen: Program, grace: float) -> None:
        """A polite signal, `grace` seconds, and the end of whatever is left then.

        The owner's stop signal comes from supervisord, which holds the program down with it. One
        whose stop signal is SIGKILL, or that lives in a namespace (signals end at its door), is
        sent SIGTERM directly.
        """
        proper, asked = seen.proper, self.group.stop_signal(self.name)
        if asked != signal.SIGKILL or proper is None:
            self.group.hold_down(self.name)
        if proper is not None and (asked == signal.SIGKILL or proper != seen.root):
            proper.send(signal.SIGTERM)
        thaw(seen.tree)
        self._end(replace(seen, known=_who_stays(seen.tree, grace)))

    def _end(self, seen: Program) -> None:
        """SIGKILL for its tree, with the policy disarmed first.

        All are frozen before supervisord sends its stop signal: they are to die, not to end. Nor
        may that signal hit a successor, whose children would outlive it: while the frozen root
        is there, it has none.
        """
        doomed = freeze(seen.tree.alive).alive
        if seen.root is None or survivors([seen.root]):
            self.group.hold_down(self.name)
        destroy(doomed, DIE_WITHIN)


def _is(seen: Program, wanted: NodeState) -> bool:
    if wanted in DOWN:
        return seen.down
    if wanted is NodeState.FROZEN:
        return seen.word != "STOPPING" and seen.frozen
    return seen.word == "RUNNING" and bool(seen.tree.alive) and not seen.tree.touched


def _who_stays(tree: Tree, grace: float) -> Tree:
    """What of a tree, and of its offspring, is still there after `grace` seconds."""
    until = time.monotonic() + grace
    while tree.alive and time.monotonic() < until:
        time.sleep(LOOK_EVERY)
        tree = tree_of(tree.alive)
    return tree


def _words(seen: Program) -> str:
    return f"{seen.word} {seen.said['spawnerr'] or seen.said['description']}".strip()


def _log(seen: Program) -> str:
    return seen.said["stderr_logfile"] or seen.said["stdout_logfile"] or "the program's log"
