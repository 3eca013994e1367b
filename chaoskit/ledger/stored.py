"""What a run directory holds of its writes, as a history to judge; no running system is needed.

A torn line is left out, which makes its write unclear and never lost. It must never invent one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from chaoskit.errors import ChaoskitError
from chaoskit.judge.writes import Attempt, Copy, History, Look
from chaoskit.model.ledger import LedgerSpec
from chaoskit.model.verdict import Offender

FOLDER = "ledger"
BEFORE = "before.json"
OFFENDERS = "offenders.jsonl"


def copy_file(copy: str) -> str:
    """Where one copy is kept; its name may be anything."""
    return f"copy-{copy.encode().hex() if set(copy) & set('/.') else copy}.json"


def read_history(folder: Path, name: str, spec: LedgerSpec) -> History:
    """The history of the run in `folder`; raises ChaoskitError where what is kept is damaged."""
    before = _read(folder / FOLDER / BEFORE) or {}
    attempts, looks = _written(sorted((folder / "load").glob("ledger-*.jsonl")))
    copies = [c for n in spec.copies if (c := _copy(folder, n, before.get(n) or {}))]
    if spec.sequenced:
        copies = [_of({one.id for one in attempts}, copy) for copy in copies]
    return History(
        ledger=name,
        attempts=attempts,
        looks=looks,
        stale=float(spec.find.stale) if spec.find else 0.0,
        # One that is missing was not read: what the others hold must not speak for all.
        copies=copies if len(copies) == len(spec.copies) else (),
        constant=spec.constant is not None,
        sequenced=spec.sequenced,
        looked=spec.find is not None,
    )


def write_offenders(folder: Path, offenders: Iterable[Offender]) -> None:
    """All of them, one JSON object a line; no file where there are none."""
    path = folder / FOLDER / OFFENDERS
    lines = [one.model_dump_json() + "\n" for one in offenders]
    if lines:
        path.write_text("".join(lines), encoding="utf-8")
    else:
        path.unlink(missing_ok=True)


def _copy(folder: Path, name: str, before: dict[str, Any]) -> Copy | None:
    kept = _read(folder / FOLDER / copy_file(name))
    if kept is None:
        return None
    ids: Sequence[str] | None = kept["ids"]
    return Copy(
        name=name,
        entries=None if ids is None else _without(ids, before.get("ids") or ()),
        settled=kept["settled"],
        why=kept["why"],
        constant_before=before.get("constant"),
        constant_after=kept["constant"],
        sequences=kept.get("sequences") or (),
    )


def _of(registers: Set[str], copy: Copy) -> Copy:
    """Without the registers that this run did not write."""
    if copy.entries is None:
        return copy
    kept = [(i, n) for i, n in zip(copy.entries, copy.sequences, strict=True) if i in registers]
    return replace(copy, entries=[i for i, _ in kept], sequences=[n for _, n in kept])


def _without(ids: Sequence[str], before: Sequence[str]) -> Sequence[str]:
    """What came in since; an id that was there already counts only as often as it was added."""
    return ids if not before else tuple((Counter(ids) - Counter(before)).elements())


def _written(books: Sequence[Path]) -> tuple[list[Attempt], list[Look]]:
    found: list[Attempt] = []
    looks: list[Look] = []
    for book in books:
        attempts: dict[int, Attempt] = {}
        for record in _records(book):
            if "look" in record:
                times = record["asked"], record["ended"]
                looks.append(Look(record["look"], *times, record["found"], record.get("sequence")))
            elif "id" in record:
                sequence = record.get("sequence")
                attempts[record["n"]] = Attempt(record["id"], record["at"], sequence=sequence)
            elif (known := attempts.get(record["n"])) is not None:
                ended, word = record["at"], record["outcome"]
                attempts[record["n"]] = replace(known, word=word, ended=ended)
        found += attempts.values()
    return found, looks


def _records(book: Path) -> list[dict[str, Any]]:
    *whole, _torn = book.read_bytes().split(b"\n")
    try:
        return [json.loads(line) for line in whole]
    except ValueError as error:
        raise ChaoskitError(f"{book}: a line is no JSON ({error}); restore the file") from error


def _read(path: Path) -> dict[str, Any] | None:
    try:
        read: dict[str, Any] = json.loads(path.read_bytes())
        return read
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ChaoskitError(f"{path}: no JSON ({error}); restore the file") from error
