"""A command that exits with 0, and prints what is wanted; on this machine or inside nodes.

It must never go by a shell.
"""

from __future__ import annotations

import os
import signal
import subprocess

from chaoskit.model.probes import CommandProbe
from chaoskit.probe.asking import Asking, Holders, OneOrEach, Silent, required


class CommandAsk(OneOrEach):
    """A command succeeds, and prints the text that is wanted; see `ports.Probe`."""

    def __init__(self, name: str, spec: CommandProbe, holders: Holders, asking: Asking) -> None:
        self.name, self._spec, self._holders, self._asking = name, spec, holders, asking
        self._members = asking.members(spec.inside) if spec.inside else ()

    def _here(self) -> str:
        return self._spec.run[0]

    def _ask_node(self, node: str) -> bool:
        inside = self._asking.world.node(node)
        return self._judged(*inside.execute(self._spec.run, self._asking.timeout))

    def _ask_here(self) -> bool:
        child = subprocess.Popen(
            self._spec.run,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with child:
            try:
                output, _ = child.communicate(timeout=self._asking.timeout)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                raise Silent(f"did not end within {self._asking.timeout:g}s") from None
        return self._judged(child.returncode, output.decode("utf-8", "replace"))

    def _judged(self, code: int, output: str) -> bool:
        if code != 0:
            last = (output.strip().splitlines() or ["nothing"])[-1]
            raise Silent(f"exited with {code} and said: {last}")
        if self._spec.contains is not None and self._spec.contains not in output:
            raise Silent(f"succeeded without saying '{self._spec.contains}'")
        return self._spec.expect is None or required(output, self._spec.expect)
