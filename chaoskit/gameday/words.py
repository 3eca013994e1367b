"""What a person typed, read into fields: trimmed, limited, complete for its kind.

Texts stay as they were typed (a page escapes them); it must never let through what is no text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from chaoskit.errors import InvalidInput

LONGEST = 4000  # characters of one text

# Each kind with its fields; those in the second tuple may be left out.
_FIELDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "answer": (("item", "value"), ("text",)),
    "prediction": (("text",), ("step",)),
    "no_go": (("text",), ()),
    "note": (("text",), ()),
    "finding": (("text",), ()),
    "action": (("text", "owner", "due"), ()),
    "action_closed": (("item",), ("text",)),
    "begin": ((), ("step",)),
    "check": ((), ()),
    "release": ((), ()),
}
_TEXT_ONLY: tuple[tuple[str, ...], tuple[str, ...]] = ((), ("text",))


@dataclass(frozen=True)
class Spoken:
    """The fields of one utterance; empty where they were left out."""

    text: str = ""
    item: str = ""
    value: str = ""
    step: str = ""
    owner: str = ""
    due: str = ""

    def fields(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}


def spoken(kind: str, given: Mapping[str, Any]) -> Spoken:
    """The fields of `kind`; raises InvalidInput with every problem."""
    needed, optional = _FIELDS.get(kind, _TEXT_ONLY)
    known = (*needed, *optional)
    problems = [
        f"{kind} has no field '{n}' (it has: {_list(known)})" for n in given if n not in known
    ]
    found = {name: _text(given[name]) for name in known if given.get(name) is not None}
    problems += [f"{kind} needs '{name}'" for name in needed if not found.get(name)]
    problems += [
        f"'{name}' has {len(value)} characters, at most {LONGEST} are taken"
        for name, value in found.items()
        if len(value) > LONGEST
    ]
    if found.get("value", "yes") not in ("yes", "no"):
        problems.append(f"an answer is yes or no, got '{found['value']}'")
    if (due := found.get("due")) and not is_day(due):
        problems.append(f"'due' is a day such as 2026-12-24, got '{due}'")
    if problems:
        raise InvalidInput("; ".join(problems))
    return Spoken(**found)


def _text(value: Any) -> str:
    """Trimmed; half characters, which no file can hold, as question marks."""
    return str(value).encode("utf-8", "replace").decode().replace("\0", "").strip()


def is_day(text: str) -> bool:
    """Whether this is a day such as 2026-12-24."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
