"""A ledger: which requests are writes, where each must be found again, how attempts are kept.

Where its writes carry a sequence its ids are registers, of which each write replaces the last.
The attempt is on file before the request is sent, the outcome after it; a line that is missing
or torn leaves its write *unclear*, which accuses nobody. This module must never touch a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from chaoskit.model.frozen import Frozen
from chaoskit.units import Duration

# ok: acknowledged. refused: known not to be applied. unclear: it may be applied at any time.
Word = Literal["ok", "refused", "unclear"]
COPY, ID = "{copy}", "{id}"


class Where(Frozen):
    """Where a request carries its id: a dotted path in its body, a header, or its URL's path."""

    body: str | None = Field(default=None, min_length=1)
    header: str | None = Field(default=None, min_length=1)
    url: str | None = Field(default=None, description="such as /orders/{id}")

    @model_validator(mode="after")
    def _one_place(self) -> Where:
        if sum(each is not None for each in (self.body, self.header, self.url)) != 1:
            raise ValueError("an id is in exactly one of 'body', 'header' and 'url'")
        if self.url is not None and self.url.count(ID) != 1:
            raise ValueError(f"'url' says once where the id stands: /orders/{ID}")
        return self

    def __str__(self) -> str:
        named = {"body": self.body, "header": self.header, "url": self.url}
        return " ".join(next((k, v) for k, v in named.items() if v is not None))


class LedgerWrite(Frozen):
    """Which requests of the load are writes, by their name, and where each carries its id."""

    request: str = Field(min_length=1)
    id: Where
    sequence: Where | None = Field(
        default=None,
        description="the ids are registers: the number of the write, higher than the last one's",
    )
    refused: tuple[int, ...] = Field(
        default=(),
        description="statuses of a write not applied; default: 4xx but 408, 409 and 429",
    )

    def refuses(self, status: int) -> bool:
        """Whether `status` says for certain that the write was not applied."""
        if self.refused:
            return status in self.refused
        # 409: something was there already, and that may be this very write, tried before. 429: the
        # moment is refused and not the write, which a proxy that retries may have had applied.
        return 400 <= status < 500 and status not in (408, 409, 429)


class LedgerFind(Frozen):
    """Which requests of the load look for one write: found with a 2xx, not there by `absent`."""

    request: str = Field(min_length=1)
    id: Where
    absent: tuple[int, ...] = Field(default=(404,), min_length=1)
    sequence: str | None = Field(
        default=None, description="path to the register's sequence in the answer"
    )
    stale: Duration = Field(
        default=Duration(0), description="so long a write may not be found yet, once it is known"
    )


class LedgerPage(Frozen):
    """GET `path` on `port` of the first node of `tier` that answers, or `url`.

    With neither, of the copy itself, which then is a node. `{copy}` stands for the copy's name.
    """

    url: str | None = None
    tier: str | None = None
    port: int = 80
    path: str = "/"
    timeout: Duration = Duration(5)

    def of(self, copy: str) -> LedgerPage:
        """This page as it is asked for one copy."""
        laid = {
            "url": self.url and self.url.replace(COPY, copy),
            "path": self.path.replace(COPY, copy),
        }
        return self.model_copy(update=laid)


class LedgerRead(LedgerPage):
    """Where the entries of a copy are listed. Paths are dotted; an empty one is the whole."""

    entries: str = Field(default="", description="path to the list in the answer")
    id: str = Field(default="id", description="path to the id in an entry")
    sequence: str | None = Field(default=None, description="path to the sequence in an entry")
    after: str | None = Field(default=None, description="query parameter: entries after this one")
    next: str | None = Field(default=None, description="path to what the next page comes after")

    @model_validator(mode="after")
    def _paged_or_not(self) -> LedgerRead:
        if (self.after is None) != (self.next is None):
            raise ValueError("'after' and 'next' come together: without both there is one page")
        return self


class LedgerConstant(LedgerPage):
    """A figure that writes must not change, such as the stock and what was sold together."""

    value: str = Field(description="path to the figure in the answer")


class LedgerSpec(Frozen):
    """Unique writes and the copies that each acknowledged one must be found in."""

    write: LedgerWrite
    copies: tuple[str, ...] = Field(min_length=1)
    read: LedgerRead
    constant: LedgerConstant | None = None
    find: LedgerFind | None = None
    settle: Duration = Field(
        default=Duration(30), description="how long the copies have to come to rest and agree"
    )

    @property
    def sequenced(self) -> bool:
        """Whether its ids are registers."""
        return self.write.sequence is not None

    @model_validator(mode="after")
    def _sequenced_throughout(self) -> LedgerSpec:
        told = [part.sequence is not None for part in (self.read, self.find) if part is not None]
        if any(each != self.sequenced for each in told):
            raise ValueError("'sequence' stands in 'write', 'read' and 'find', or in none of them")
        return self


def within(content: Any, path: str) -> Any:
    """What stands at a dotted `path`; None where there is nothing. An empty path is the whole."""
    for step in path.split(".") if path else ():
        if not isinstance(content, Mapping) or step not in content:
            return None
        content = content[step]
    return content


def sequence_of(content: Any) -> int | None:
    """A whole number, also where it stands as text; None for anything else."""
    if isinstance(content, str) and content.isascii() and content.isdigit():
        return int(content)
    return content if isinstance(content, int) and not isinstance(content, bool) else None


def attempt_line(number: int, at: float, id_: str, sequence: int | None = None) -> bytes:
    """One write about to be sent; `number` is unique in its file, `at` monotonic seconds."""
    return _line({"n": number, "at": at, "id": id_, **_numbered(sequence)})


def outcome_line(number: int, at: float, word: Word, status: int) -> bytes:
    """What became of it, as far as its answer says."""
    return _line({"n": number, "at": at, "outcome": word, "status": status})


def look_line(
    id_: str, asked: float, ended: float, found: bool, sequence: int | None = None
) -> bytes:
    """One look by an id, with an answer that says whether it is there; of a register, which."""
    look = {"look": id_, "asked": asked, "ended": ended, "found": found}
    return _line(look | _numbered(sequence))


def _numbered(sequence: int | None) -> dict[str, int]:
    return {} if sequence is None else {"sequence": sequence}


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"
