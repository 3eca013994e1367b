"""Entries of the log as sentences, the same in the terminal and in the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chaoskit.gameday.log import Entry


def sentence(entry: Entry) -> str:
    """What happened, without who and when; as plain text, to be escaped by whoever shows it."""
    return _SENTENCES[entry.kind](entry)


def _and(said: str, text: str) -> str:
    return f"{said}: {text}" if text else said


def _step(entry: Entry) -> str:
    if entry.value == "begun":
        return f"begins step {entry.step}: {entry.text}"
    word = "skips" if entry.value == "skipped" else "ends"
    how = f" ({entry.how})" if entry.value == "ended" else ""
    return _and(f"{word} step {entry.step}{how}", entry.text)


def _released(entry: Entry) -> str:
    return "releases what is held" if entry.value == "asked" else f"everything back: {entry.text}"


def _alert(entry: Entry) -> str:
    said = "the system's own alert" if entry.value == "new" else "the system's alerts are unknown"
    return f"{said}: {entry.text}"


def _action(entry: Entry) -> str:
    carried = "carried on, " if entry.how == "carried" else ""
    return f"action item {entry.item} ({carried}{entry.owner}, due {entry.due}): {entry.text}"


_SENTENCES: Mapping[str, Callable[[Entry], str]] = {
    "opened": lambda e: "opens the log" if e.value == "first" else "opens the log again",
    "answer": lambda e: _and(f"answers question {e.item}: {e.value}", e.text),
    "checked": lambda e: _and(f"checks item {e.item}: {e.value}", e.text),
    "go": lambda e: _and("GO", e.text),
    "no_go": lambda e: _and("NO GO", e.text),
    "step": _step,
    "prediction": lambda e: f"predicts for step {e.step}: {e.text}",
    "running": lambda e: f"step {e.step} runs",
    "injected": lambda e: f"{e.text} is in force",
    "released": _released,
    "ran": lambda e: _and(f"what step {e.step} did is over ({e.how})", e.text),
    "recovered": lambda e: "the system is at full strength",
    "alert": _alert,
    "seen": lambda e: _and("has seen it", e.text),
    "mitigated": lambda e: _and("has acted", e.text),
    "note": lambda e: e.text,
    "halt": lambda e: _and("HALTS", e.text),
    "finding": lambda e: f"finding: {e.text}",
    "action": _action,
    "action_closed": lambda e: _and(f"closes action item {e.item}", e.text),
    "closed": lambda e: _and("closes the day", e.text),
}
