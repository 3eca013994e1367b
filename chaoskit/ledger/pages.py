"""One copy over HTTP: its entries page by page, and its constant.

It goes straight to the address, past any proxy that the environment names, and follows no
redirect. An answer that is not as declared is `Unread`; it must never be taken for an empty one.
"""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from chaoskit.errors import ChaoskitError
from chaoskit.model.ledger import LedgerConstant, LedgerPage, LedgerRead, sequence_of, within
from chaoskit.model.system import System
from chaoskit.ports import World
from chaoskit.run.web import exchange

MOST_PAGES = 10_000
AT_MOST = 1 << 28


class Unread(Exception):
    """A copy that did not answer as declared; the text says how."""


@dataclass(frozen=True)
class Listing:
    """The ids of a copy in its own order, and what the next page would come after.

    Of registers also the sequence of each.
    """

    ids: tuple[str, ...] = ()
    position: str | None = None
    sequences: tuple[int, ...] = ()

    @property
    def held(self) -> Counter[tuple[str, int | None]]:
        """What is in it, in whatever order."""
        return Counter(zip_longest(self.ids, self.sequences))


@dataclass(frozen=True)
class Source:
    """Where the pages of one copy are asked; `entry` is what a relative `url` begins at."""

    copy: str
    world: World
    system: System
    entry: str

    def entries(self, spec: LedgerRead, position: str | None = None) -> Listing:
        """Every entry after `position`, of all pages; raises Unread."""
        ids: list[str] = []
        sequences: list[int] = []
        for _ in range(MOST_PAGES):
            answer = self._get(spec, _query(spec, position))
            page = _listed(answer, spec)
            ids += _ids(page, spec)
            sequences += _sequences(page, spec)
            further = None if spec.next is None else within(answer, spec.next)
            if not page or further is None or str(further) == position:
                return Listing(tuple(ids), position, tuple(sequences))
            position = str(further)
        raise Unread(f"has more than {MOST_PAGES} pages")

    def constant(self, spec: LedgerConstant) -> float:
        """The figure now; raises Unread."""
        found = within(self._get(spec), spec.value)
        if not isinstance(found, int | float) or isinstance(found, bool):
            raise Unread(f"answered without a figure at '{spec.value}'")
        return float(found)

    def _get(self, spec: LedgerPage, query: str = "") -> Any:
        """The answer of the first place that gives one; raises Unread with what each said."""
        said = []
        page = spec.of(self.copy)
        for place in self._places(page):
            try:
                return _json(f"{place}{query}", float(page.timeout))
            except (OSError, Unread) as error:
                said.append(f"{urlsplit(place).netloc} {_worded(error)}")
        raise Unread("; ".join(said) or "nobody is there to ask")

    def _places(self, page: LedgerPage) -> Iterator[str]:
        if page.url is not None:
            yield urljoin(self.entry, page.url)
            return
        tier = self.system.tiers.get(page.tier or "")
        for node in tier.nodes if tier else (page.tier or self.copy,):
            try:
                facts = self.world.node(node).facts()
            except ChaoskitError as error:
                raise Unread(f"{node} cannot be found: {error}") from error
            if facts.address:
                path = page.path.removeprefix("/")
                yield f"http://{facts.address}:{facts.port(page.port)}/{path}"


def _query(spec: LedgerRead, position: str | None) -> str:
    if spec.after is None or position is None:
        return ""
    mark = "&" if "?" in (spec.url or spec.path) else "?"
    return f"{mark}{quote(spec.after)}={quote(position)}"


def _listed(answer: Any, spec: LedgerRead) -> list[Any]:
    entries = within(answer, spec.entries)
    if not isinstance(entries, list):
        raise Unread(f"answered without a list at '{spec.entries}'")
    return entries


def _ids(entries: list[Any], spec: LedgerRead) -> Iterator[str]:
    for entry in entries:
        if (id_ := within(entry, spec.id)) is None:
            raise Unread(f"lists an entry without '{spec.id}'")
        yield str(id_)


def _sequences(entries: list[Any], spec: LedgerRead) -> Iterator[int]:
    for entry in entries if spec.sequence is not None else ():
        if (sequence := sequence_of(within(entry, spec.sequence or ""))) is None:
            raise Unread(f"lists an entry without a whole number at '{spec.sequence}'")
        yield sequence


def _json(url: str, timeout: float) -> Any:
    try:
        status, body = exchange("GET", url, timeout, most=AT_MOST)
    except http.client.HTTPException as error:
        raise Unread(f"does not speak HTTP ({type(error).__name__})") from error
    if status != 200:
        raise Unread(f"answered {status}")
    try:
        return json.loads(body)
    except ValueError as error:
        raise Unread("answered something that is not JSON") from error


def _worded(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, OSError):
        return f"does not answer ({error.strerror or error})"
    return str(error)
