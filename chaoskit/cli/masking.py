"""What a run leaves on disk, without the secrets of its documents.

Run directories are kept, sent and uploaded by pipelines. It must never take from a plan what
the judge reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chaoskit.run.plan import Plan

Hidden = Callable[[str], str]


def masked_plan(plan: Plan, hidden: Hidden) -> str:
    """The plan as JSON that reads as a plan, every text in it as `hidden` leaves it.

    A name that the system declares stays, and so does what is no text to its model (a rate, a
    duration, a claim): the run is judged by them.
    """
    tree = plan.model_dump(mode="json")
    names = _names(plan)
    for holder, key in list(_texts(tree)):
        was = holder[key]
        if was in names or hidden(was) == was:
            continue
        holder[key] = hidden(was)
        if not _is_plan(tree):
            holder[key] = was
    return json.dumps(tree, indent=1, ensure_ascii=False)


def mask_error(error: BaseException | None, hidden: Hidden) -> BaseException | None:
    """The same error with every text of it as `hidden` leaves it."""
    if error is not None:
        error.args = tuple(hidden(one) if isinstance(one, str) else one for one in error.args)
    return error


def mask_file(path: Path, hidden: Hidden) -> None:
    """Write `path` again where `hidden` changes it; one that is not there is left so."""
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    if (masked := hidden(text)) != text:
        path.write_text(masked, encoding="utf-8")


def _names(plan: Plan) -> set[str]:
    system = plan.system
    copies = [copy for ledger in system.ledgers.values() for copy in ledger.copies]
    return {
        *system.tiers, *system.nodes(), *system.links, *system.probes, *system.ledgers, *copies,
    }  # fmt: skip


def _texts(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Where each text stands: what holds it, and its key or index there."""
    places = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in places:
        if isinstance(value, str):
            yield tree, key
        elif isinstance(value, dict | list):
            yield from _texts(value)


def _is_plan(tree: Any) -> bool:
    try:
        Plan.model_validate_json(json.dumps(tree))
    except ValidationError:
        return False
    return True
