"""A command that exits with 0, and prints what is wanted; on this machine or inside nodes.

It must never go by a shell.
"""

from __future__ import annotations

import os
import signal
import subprocess
from functools import partial

from chaoskit.model.probes import CommandProbe
from chaoskit.ports import Answer
from chaoskit.probe.asking import Asking, Holders, Silent, counted, required


class CommandAsk:
    """A command succeeds, and prints the text that is wanted; see `ports.Probe`."""

    def __init__(self, name: str, spec: CommandProbe, holders: Holders, asking: Asking) -> None:
        self.name, self._spec, self._holders, self._asking = name, spec, holders, asking
        self._members = asking.members(spec.inside) if spec.inside else ()

    def ask(self) -> Answer:
        if not self._members:
            got = self._asking.once(self._run_here)
            silent = isinstance(got, Silent)
            return Answer(not silent, (), f"{self._spec.run[0]} {got}" if silent else "")
        asked = {node: partial(self._run_inside, node) for node in self._members}
        answers, silences = self._asking.each(asked)
        return counted(self._members, answers, silences, self._holders)

    def _run_inside(self, node: str) -> bool:
        inside = self._asking.world.node(node)
        return self._judged(*inside.execute(self._spec.run, self._asking.timeout))

    def _run_here(self) -> bool:
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
