"""Programs as nodes: those of the supervisord group that bears the system's name, no others.

A name is resolved anew before every deed, and supervisord's word is compared with `/proc`: the
process must be its own child. Nothing here may act on a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from chaoskit.errors import NotOurs
from chaoskit.ports import Json, NodeState
from chaoskit.world.local.processes import Process, look
from chaoskit.world.local.supervisor import Supervisor
from chaoskit.world.local.trees import Tree, tree_of

ENDED = ("STOPPED", "EXITED", "FATAL")
BY_SIGNAL = -1  # supervisord's exit status for every signal
SIGKILLED = 137


@dataclass(frozen=True)
class Program:
    """One look at one program: supervisord's words and the tree that `/proc` shows."""

    said: Json
    root: Process | None = None
    known: Tree | None = None

    @cached_property
    def tree(self) -> Tree:
        """Scanned when it is first asked for: that reads all processes of the machine."""
        if self.known is not None:
            return self.known
        return tree_of([self.root]) if self.root else Tree()

    @property
    def alive(self) -> bool:
        """Whether anything of it is left; a root that lives says so without a scan."""
        sure = self.known is None and self.root is not None and self.root.alive
        return sure or bool(self.tree.alive)

    @property
    def frozen(self) -> bool:
        """A tree whose root goes on is not frozen, however many of it are stopped."""
        root = self.root if self.known is None else None
        goes_on = root is not None and root.alive and not root.stopped
        return not goes_on and self.tree.frozen

    @property
    def word(self) -> str:
        """supervisord's own name of its state."""
        return str(self.said["statename"])

    @property
    def down(self) -> bool:
        """Nothing of it is left, and nothing will start it again by itself."""
        return self.word in ENDED and not self.alive

    @property
    def state(self) -> NodeState:
        """One that its policy is about to start, or that has not proven itself, serves nobody."""
        if self.frozen:
            return NodeState.FROZEN
        if self.alive and self.word in ("RUNNING", "STOPPING"):
            return NodeState.RUNNING
        if self.word in ENDED and self.said["exitstatus"] == BY_SIGNAL:
            return NodeState.KILLED
        return NodeState.STOPPED

    @property
    def exit_code(self) -> int | None:
        """As a shell would tell it; supervisord keeps no signal apart, so each counts as KILL."""
        if self.alive:
            return None
        status = int(self.said["exitstatus"])
        return SIGKILLED if status == BY_SIGNAL else status

    @property
    def incarnation(self) -> str:
        return f"{self.said['start']}/{self.said['pid']}"

    @property
    def proper(self) -> Process | None:
        """The process that a polite signal is meant for: inside its namespace, if it has one."""
        return self.root and (self.tree.inner(self.root) or self.root)


@dataclass(frozen=True)
class Group:
    """The group `name` of one supervisord: what is in it is ours, and nothing else."""

    supervisor: Supervisor
    name: str

    def names(self) -> list[str]:
        return sorted(
            said["name"] for said in self.supervisor.programs() if said["group"] == self.name
        )

    def look(self, program: str) -> Program | None:
        """What program `program` is now; None when the group holds none of that name."""
        said = self.supervisor.program(self.name, program)
        if said is not None and said["statename"] == "EXITED":
            # Its policy acts between two calls: what is still so at the second one stays so.
            said = self.supervisor.program(self.name, program)
        if said is None:
            return None
        root = look(said["pid"]) if said["pid"] > 1 else None
        if root is None or root.parent != self.supervisor.pid():
            return Program(said)
        return Program(said, root)

    def hold_down(self, program: str) -> None:
        """Disarm its restart policy; supervisord sends its stop signal along with that."""
        self.supervisor.hold_down(self.name, program)

    def start(self, program: str) -> None:
        self.supervisor.start(self.name, program)

    def stop_signal(self, program: str) -> int | None:
        """The signal that its owner stops it with; None where supervisord does not tell."""
        settings = self.supervisor.settings(self.name, program) or {}
        return settings.get("stopsignal")

    def refusal(self, program: str) -> NotOurs:
        """Why `program` is no node, said so that the reader knows which group is missing."""
        others = sorted(s["group"] for s in self.supervisor.programs() if s["name"] == program)
        where = self.supervisor.socket_path
        if others:
            return NotOurs(
                f"program '{program}' belongs to group '{others[0]}' of supervisord, not to "
                f"'{self.name}': it is never touched; put it into [group:{self.name}], or name "
                "another node"
            )
        return NotOurs(f"supervisord at {where} holds no program '{program}' in '{self.name}'")
