"""Asking several nodes at once, each within the same deadline.

The address of a container that is down swallows packets, so one silent node must never hold
up the others, and nobody waits longer than the probe's timeout.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Literal, TypeVar

from chaoskit.errors import ChaoskitError, InvalidInput
from chaoskit.model.condition import Condition
from chaoskit.model.system import System
from chaoskit.ports import Answer, World

AT_ONCE = 16
MOST_SHOWN = 80
Holders = Literal["one", "any", "all", "first"]
T = TypeVar("T")


class Silent(Exception):
    """Somebody did not answer as asked; the text says how, without a name: 'answered 503'."""


class Unknown(Silent):
    """Who was to tell of the system did not, or could not be asked: that says nothing of it."""


class Asking:
    """How nodes of one world are asked; a whole round takes at most `timeout` seconds.

    `second_hand`: somebody else is asked about them, whose silence is not theirs.
    """

    def __init__(
        self, world: World, system: System, timeout: float, *, second_hand: bool = False
    ) -> None:
        self.world, self.system, self.timeout = world, system, timeout
        self._silence = Unknown if second_hand else Silent

    def members(self, name: str) -> tuple[str, ...]:
        """The nodes of the tier `name`, or the node `name`; raises InvalidInput otherwise."""
        if name in self.system.tiers:
            return self.system.tiers[name].nodes
        if name in self.system.nodes():
            return (name,)
        known = ", ".join(self.system.tiers)
        raise InvalidInput(f"a probe asks '{name}', which is no tier and no node; tiers: {known}")

    def place(self, node: str, port: int) -> tuple[str, int]:
        """Where the declared `port` of `node` is now; raises Silent when it has no address."""
        facts = self.world.node(node).facts()
        if not facts.address:
            raise Silent("has no address")
        return facts.address, facts.port(port)

    def deadline(self) -> float:
        """When a round that begins now must have ended, on the monotonic clock."""
        return time.monotonic() + self.timeout

    def each(
        self, questions: Mapping[str, Callable[[], T]], until: float | None = None
    ) -> tuple[dict[str, T], dict[str, Silent]]:
        """Ask all at once: who answered what, and who did not and why; in the order given."""
        until = self.deadline() if until is None else until
        pool = ThreadPoolExecutor(min(AT_ONCE, max(1, len(questions))), "probe")
        asked = {name: pool.submit(question) for name, question in questions.items()}
        pool.shutdown(wait=False)
        answers: dict[str, T] = {}
        silent: dict[str, Silent] = {}
        for name, future in asked.items():
            got = self._result(future, until)
            if isinstance(got, Silent):
                silent[name] = got
            else:
                answers[name] = got
        return answers, silent

    def once(self, question: Callable[[], T]) -> T | Silent:
        """Ask one thing that is not a node."""
        answers, silent = self.each({"": question})
        return silent[""] if silent else answers[""]

    def _result(self, future: Future[T], until: float) -> T | Silent:
        try:
            return future.result(max(0.0, until - time.monotonic()))
        except Silent as silent:
            return silent
        except TimeoutError:
            return self._silence(f"did not answer within {self.timeout:g}s")
        except OSError as error:
            return self._silence(f"does not answer ({error.strerror or error})")
        except ChaoskitError as error:
            return Unknown(f"cannot be asked ({error})")


def counted(
    members: Sequence[str],
    answers: Mapping[str, object],
    silent: Mapping[str, Silent],
    holders: Holders,
) -> Answer:
    """The answer of a probe that wants one, any or all of its `members` to answer.

    It is known where those of whom nobody can tell would not change it.
    """
    nodes = tuple(name for name in members if name in answers)
    possible = range(len(nodes), len(nodes) + sum(map(_unknown, silent.values())) + 1)
    ok, *others = (_enough(holders, count, len(members)) for count in possible)
    known = all(other == ok for other in others)
    if holders == "first":
        nodes = nodes[:1]
    if ok and known:
        return Answer(True, nodes)
    if holders == "one" and len(nodes) > 1:
        return Answer(False, nodes, f"{' and '.join(nodes)} answer, one node should")
    return Answer(ok, nodes, missing(silent), known)


def _enough(holders: Holders, count: int, members: int) -> bool:
    return {"one": count == 1, "all": count == members}.get(holders, count > 0)


def all_told(silent: Mapping[str, Silent]) -> bool:
    """Whether the silence of each is its own, so that it says something of the system."""
    return not any(map(_unknown, silent.values()))


def _unknown(silent: Silent) -> bool:
    return isinstance(silent, Unknown)


class OneOrEach:
    """A probe of one place of its own, or of each of its nodes where it has `_members`.

    A subclass says how each is asked; see `ports.Probe`.
    """

    name: str
    _asking: Asking
    _holders: Holders
    _members: tuple[str, ...]

    def ask(self) -> Answer:
        if not self._members:
            got = self._asking.once(self._ask_here)
            silent = isinstance(got, Silent)
            said = f"{self._here()} {got}" if silent else ""
            return Answer(not silent, (), said, not isinstance(got, Unknown))
        asked = {node: partial(self._ask_node, node) for node in self._members}
        answers, silences = self._asking.each(asked)
        return counted(self._members, answers, silences, self._holders)

    def _here(self) -> str:
        """What the one place is called."""
        raise NotImplementedError

    def _ask_here(self) -> bool:
        """Whether the one place answers as wanted; raises Silent."""
        raise NotImplementedError

    def _ask_node(self, node: str) -> bool:
        """Whether this node answers as wanted; raises Silent."""
        raise NotImplementedError


def required(value: str, condition: Condition) -> bool:
    """True; raises Silent, with the value as it was answered, where `condition` is not met."""
    if condition.met_by(value):
        return True
    shown = " ".join(value.split())
    raise Silent(f"answered '{shown[:MOST_SHOWN]}', which is not {condition}")


def missing(silent: Mapping[str, Silent]) -> str:
    """One sentence for those who did not answer."""
    return "; ".join(f"{name} {why}" for name, why in silent.items())
