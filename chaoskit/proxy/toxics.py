"""What a toxic is: its type, attributes and limits, read from JSON and written back.

Values only: what a toxic does to a stream is in the stages. It must never accept what would be
ignored: an unknown name or a wrong type is refused, with the names that there are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chaoskit.proxy.refusals import ApiRefusal, bad_body

STREAMS = ("upstream", "downstream")
KEYS = ("name", "type", "stream", "toxicity", "attributes", "ttl")
# A year: longer than that is a mistake, and far below what a timer can hold.
LONGEST = 365 * 24 * 3600 * 1000
MOST = 2**63 - 1

Json = dict[str, Any]
Reader = Callable[[str, Any], Any]


def whole(least: int = 0, most: int = MOST) -> Reader:
    def read(name: str, value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            upper = "" if most == MOST else f" to {most}"
            raise bad_body(f"{name} is a whole number from {least}{upper}, not {shown(value)}")
        return value

    return read


def ratio(name: str, value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise bad_body(f"{name} is a number from 0 to 1, not {shown(value)}")
    return float(value) if value not in (0, 1) else int(value)


def text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise bad_body(f"{name} is a string, not {shown(value)}")
    return value


def status(name: str, value: Any) -> int:
    if type(value) is not int or (value != 0 and not 200 <= value <= 599):
        raise bad_body(f"{name} is 0 (upstream answers) or 200 to 599, not {shown(value)}")
    return value


def header(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise bad_body(f'{name} is an object such as {{"X-Fault": "1"}}, not {shown(value)}')
    for key, content in value.items():
        sound = isinstance(content, str) and (key + content).isprintable() and key
        if not sound or not (key + content).isascii() or ":" in key or " " in key:
            raise bad_body(f"{name}: {shown(key)}: {shown(content)} is no header line")
        if key.lower() in ("content-length", "transfer-encoding", "connection"):
            raise bad_body(f"{name}: {key} follows from the answer and cannot be set")
    return dict(value)


def shown(value: Any) -> str:
    return json.dumps(value)


MILLISECONDS = whole(most=LONGEST)
# Each type's attributes: how one is read, and its default (`...`: it must be given).
ATTRIBUTES: Mapping[str, Mapping[str, tuple[Reader, Any]]] = {
    "latency": {"latency": (MILLISECONDS, 0), "jitter": (MILLISECONDS, 0)},
    "bandwidth": {"rate": (whole(), 0)},
    "slow_close": {"delay": (MILLISECONDS, 0)},
    "timeout": {"timeout": (MILLISECONDS, 0)},
    "reset_peer": {"timeout": (MILLISECONDS, 0)},
    "slicer": {
        "average_size": (whole(1), ...),
        "size_variation": (whole(), 0),
        "delay": (whole(most=LONGEST * 1000), 0),
    },
    "limit_data": {"bytes": (whole(), 0)},
    "http": {
        "status": (status, 0),
        "delay": (MILLISECONDS, 0),
        "header": (header, {}),
        "body": (text, None),
        "share": (ratio, 1),
    },
}


@dataclass
class Toxic:
    """One toxic of one proxy. Shared by all its connections: a change of it reaches them all."""

    name: str
    type: str
    stream: str
    toxicity: float
    attributes: Json
    ttl: int = 0
    hits: int = 0

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]

    def acts_on(self, direction: str) -> bool:
        """An http toxic sees requests one way and answers the other: it needs both."""
        return self.type == "http" or self.stream == direction

    def listed(self) -> Json:
        """As the API shows it; `ttl` only where one was given."""
        shown: Json = {
            "attributes": dict(self.attributes),
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }
        return {**shown, "ttl": self.ttl} if self.ttl else shown

    def change(self, wish: Json) -> None:
        """Take over attributes, toxicity and ttl, all or nothing. Raises ApiRefusal (400)."""
        _known(wish)
        for fixed in ("name", "type", "stream"):
            if wish.get(fixed) not in (None, getattr(self, fixed)):
                raise bad_body(f"{fixed} of a toxic cannot be changed; delete it and add another")
        given = read_attributes(self.type, wish.get("attributes"), self.attributes)
        toxicity, ttl = read_toxicity(wish, self.toxicity), read_ttl(wish, self.ttl)
        self.attributes, self.toxicity, self.ttl = given, toxicity, ttl


def read_toxic(wish: Json) -> Toxic:
    """A toxic from a request's JSON object. Raises ApiRefusal (400)."""
    _known(wish)
    kind = text("type", _given(wish, "type", ""))
    stream = text("stream", _given(wish, "stream", "downstream")).lower()
    if stream not in STREAMS:
        raise ApiRefusal(400, "stream was invalid, can be either upstream or downstream")
    if kind not in ATTRIBUTES:
        raise ApiRefusal(400, "invalid toxic type")
    name = text("name", _given(wish, "name", "")) or f"{kind}_{stream}"
    defaults = {key: default for key, (_, default) in ATTRIBUTES[kind].items()}
    attributes = read_attributes(kind, wish.get("attributes"), defaults)
    return Toxic(name, kind, stream, read_toxicity(wish, 1), attributes, read_ttl(wish, 0))


def read_attributes(kind: str, given: Any, before: Json) -> Json:
    """`before` with what is given; every name and value checked."""
    if given is not None and not isinstance(given, dict):
        raise bad_body(f"attributes is an object, not {shown(given)}")
    known = ATTRIBUTES[kind]
    result = dict(before)
    for name, value in (given or {}).items():
        if name not in known:
            raise bad_body(f"toxic {kind} has no attribute '{name}'; it has {', '.join(known)}")
        if value is not None:
            result[name] = known[name][0](f"attributes.{name}", value)
    missing = [name for name, value in result.items() if value is ...]
    if missing:
        raise bad_body(f"toxic {kind} needs attributes.{missing[0]}, a whole number from 1")
    _fit_together(kind, result)
    return result


def _fit_together(kind: str, found: Json) -> None:
    if kind == "slicer" and found["size_variation"] >= found["average_size"]:
        raise bad_body("attributes.size_variation must be less than average_size")


def read_toxicity(wish: Json, before: float) -> float:
    found: float = ratio("toxicity", _given(wish, "toxicity", before))
    return found


def read_ttl(wish: Json, before: int) -> int:
    found: int = MILLISECONDS("ttl", _given(wish, "ttl", before))
    return found


def _given(wish: Json, key: str, default: Any) -> Any:
    """JSON's null counts as not given, as with Toxiproxy."""
    value = wish.get(key)
    return default if value is None else value


def _known(wish: Json) -> None:
    unknown = [key for key in wish if key not in KEYS]
    if unknown:
        raise bad_body(f"a toxic has no '{unknown[0]}'; it has {', '.join(KEYS)}")
