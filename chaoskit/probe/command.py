"""A command that exits with 0, and prints what is wanted; on this machine or inside nodes.

It must never go by a shell.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time

from chaoskit.errors import TargetError
from chaoskit.model.probes import CommandProbe
from chaoskit.ports import Node, NodeState
from chaoskit.probe.asking import Asking, Holders, OneOrEach, Silent, Unknown, required

# How a shell, and what runs a command inside a node, say that it was not run at all.
NOT_RUN = (126, 127)


class CommandAsk(OneOrEach):
    """A command succeeds, and prints the text that is wanted; see `ports.Probe`."""

    def __init__(self, name: str, spec: CommandProbe, holders: Holders, asking: Asking) -> None:
        self.name, self._spec, self._holders, self._asking = name, spec, holders, asking
        self._members = asking.members(spec.inside) if spec.inside else ()

    def _here(self) -> str:
        return self._spec.run[0]

    def _ask_node(self, node: str) -> bool:
        inside, until = self._asking.world.node(node), self._asking.deadline()
        try:
            ended = inside.execute(self._spec.run, self._asking.timeout)
        except TargetError as error:
            # Too late, or not running: that is the node. Otherwise its runtime failed us.
            its_own = time.monotonic() >= until or not _runs(inside)
            raise (Silent if its_own else Unknown)(f"cannot be asked ({error})") from error
        return self._judged(*ended)

    def _ask_here(self) -> bool:
        with self._started() as child:
            try:
                output, _ = child.communicate(timeout=self._asking.timeout)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                raise Silent(f"did not end within {self._asking.timeout:g}s") from None
        return self._judged(child.returncode, output.decode("utf-8", "replace"))

    def _started(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self._spec.run,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise Unknown(f"cannot be started ({error.strerror or error})") from error

    def _judged(self, code: int, output: str) -> bool:
        if code != 0:
            last = (output.strip().splitlines() or ["nothing"])[-1]
            kind = Unknown if code in NOT_RUN else Silent
            raise kind(f"exited with {code} and said: {last}")
        if self._spec.contains is not None and self._spec.contains not in output:
            raise Silent(f"succeeded without saying '{self._spec.contains}'")
        return self._spec.expect is None or required(output, self._spec.expect)


def _runs(node: Node) -> bool:
    return node.facts().state == NodeState.RUNNING
