"""A game day from the terminal: one line, one door. It works from a pipe as well.

Every line is said under one name (`as NAME` changes it), answered with one line, and refused
like in the browser. It must never decide anything itself: the session does.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

from chaoskit.document.nearest import meant
from chaoskit.errors import ChaoskitError, InvalidInput, Refused
from chaoskit.gameday.log import Entry
from chaoskit.gameday.rules import stranger
from chaoskit.gameday.session import Session
from chaoskit.gameday.telling import sentence
from chaoskit.gameday.words import is_day

HELP = """\
status                          where we are
log                             everything that was entered
answer NUMBER yes|no [TEXT]     a question of the go/no-go list
check                           the tool's checks
go | no_go WHY                  the decision
predict [STEP:] TEXT            what the next step (or STEP) will show
begin [STEP] | skip [WHY]       the next step; STEP again after a halt
seen [TEXT] | mitigated [TEXT]  you notice; you have acted
release                         put back the fault that is held
end [TEXT]                      the step is over
note TEXT | finding TEXT        under your name
action OWNER DUE TEXT           an action item; OWNER goes up to DUE, such as 2026-12-24
done ID [TEXT]                  an action item is closed
halt [WHY]                      stop everything now
await                           until the tool is no longer at work in the step
wait injected                   until the step's fault is in force
close [TEXT]                    the day is over
as NAME                         speak as somebody else
quit                            leave; the same command resumes"""
WORDS = re.findall(r"(?:^|\| )(\w+)", HELP, re.MULTILINE)
LOOK_EVERY = 0.2
PATIENCE = 3600.0  # seconds that `await` and `wait` wait at most
TEXTS = ("go", "no_go", "seen", "mitigated", "note", "finding", "skip", "end", "halt")


class Terminal:
    """Takes lines for `session` and prints what is entered, by whomever, as it comes.

    Raises InvalidInput when the game day does not name `person`.
    """

    def __init__(self, session: Session, person: str, say: Callable[[str], Any]) -> None:
        self._session, self._say = session, say
        self._zone = ZoneInfo(session.bound.gameday.timezone)
        self._person = self._named(person)
        self._printed = session.view(person)["newest"]
        self._over = threading.Event()
        self._page = threading.Lock()

    def play(self, lines: Iterable[str]) -> int:
        """Take lines until `quit` or their end; returns how many were refused."""
        gameday = self._session.bound.gameday
        self._say(f"{gameday.title}. You are {self._person}. Try: help")
        self._say(f"Times are those of {gameday.timezone}.")
        self._status()
        follower = threading.Thread(target=self._follow, name="follower", daemon=True)
        follower.start()
        try:
            return sum(self._refused(line) for line in takewhile(_goes_on, lines))
        finally:
            self._over.set()
            follower.join()
            self._print_new()

    def _refused(self, line: str) -> bool:
        word, _, rest = line.strip().partition(" ")
        try:
            self._take(word, rest.strip())
        except ChaoskitError as error:
            self._say(f"refused: {error}")
            return True
        finally:
            self._print_new()
        return False

    def _take(self, word: str, rest: str) -> None:
        looks: dict[str, Callable[[], Any]] = {
            "help": lambda: self._say(HELP),
            "status": self._status,
            "log": lambda: [self._say(told(e, self._zone)) for e in self._view()["entries"]],
            "await": lambda: self._wait(lambda view: not any(s["busy"] for s in view["steps"])),
            "wait": lambda: self._wait(lambda view: bool(view["injected"])),
        }
        if not word or word.startswith("#"):
            return
        if word in looks:
            looks[word]()
        elif word == "as":
            self._person = self._named(rest)
        else:
            kind, fields = door(word, rest)
            self._session.say(self._person, kind, **fields)

    def _named(self, person: str) -> str:
        """A name of this game day; raises InvalidInput for another."""
        if said := stranger(self._session.bound.gameday, person):
            raise InvalidInput(said)
        return person

    def _view(self) -> dict[str, Any]:
        return self._session.view(self._person)

    def _follow(self) -> None:
        while not self._over.is_set():
            if self._session.wait(self._printed, LOOK_EVERY) > self._printed:
                self._print_new()

    def _print_new(self) -> None:
        with self._page:
            entries = self._view()["entries"]
            for entry in entries:
                if entry["n"] > self._printed:
                    self._say(told(entry, self._zone))
                    self._printed = entry["n"]

    def _wait(self, true: Callable[[dict[str, Any]], bool]) -> None:
        limit = time.monotonic() + PATIENCE
        while not true(view := self._view()):
            if time.monotonic() > limit or not view["current"]:
                raise Refused("there is nothing to wait for")
            self._session.wait(view["newest"], LOOK_EVERY)

    def _status(self) -> None:
        for line in status(self._view()):
            self._say(line)


def _goes_on(line: str) -> bool:
    return line.strip() not in ("quit", "exit")


def door(word: str, rest: str) -> tuple[str, dict[str, str]]:
    """A line as a kind and its fields; raises InvalidInput for a word that is none."""
    if word in TEXTS:
        return word, {"text": rest}
    if word in ("check", "release"):
        return word, {}
    first, _, more = rest.partition(" ")
    if word == "answer":
        value, _, text = more.strip().partition(" ")
        return word, {"item": first, "value": value, "text": text}
    if word == "begin":
        return word, {"step": rest}
    if word == "predict":
        step, colon, text = rest.partition(":")
        known = bool(colon) and step.strip().isdecimal()
        return "prediction", {"step": step.strip(), "text": text} if known else {"text": rest}
    if word == "action":
        return word, _action(rest)
    if word == "done":
        return "action_closed", {"item": first, "text": more}
    if word == "close":
        return "closed", {"text": rest}
    raise InvalidInput(f"unknown word '{word}', {meant(word, WORDS)[1]}")


def _action(rest: str) -> dict[str, str]:
    """Owner, day and text: a name has as many words as stand before the first day."""
    words = rest.split()
    named = next((n for n, word in enumerate(words) if n and is_day(word)), 1)
    parts = rest.split(maxsplit=named + 1)
    owner, due, text = parts[:named], parts[named : named + 1], parts[named + 1 :]
    return {"owner": " ".join(owner), "due": "".join(due), "text": "".join(text)}


def status(view: dict[str, Any]) -> Iterator[str]:
    """Where the day stands, in lines."""
    halted = f", {view['halted']}" if view["halted"] else ""
    yield f"{view['phase']}{halted}"
    for question in view["questions"]:
        by = f" ({question['by']})" if question["kind"] == "ask" and question["by"] else ""
        why = f": {question['why']}" if question["why"] else ""
        yield f"  {question['state']:4}  {question['number']}. {question['text']}{by}{why}"
    for step in view["steps"]:
        how = f", {step['how']}" if step["how"] and step["how"] != step["state"] else ""
        yield f"  {step['id']}. {step['title']} [{step['state']}{how}] {step['what']}".rstrip()
    for one in view["injected"]:
        left = "" if one["left"] is None else f", {one['left']:.0f} s left"
        yield f"  in force: {one['what']}{left}"
    for action in view["actions"]:
        if not action["closed"]:
            yield f"  open: {action['id']} {action['text']} ({action['owner']}, {action['due']})"


def told(entry: dict[str, Any], zone: ZoneInfo) -> str:
    """One entry as a line: the time on the wall in `zone`, who, what."""
    at = datetime.fromisoformat(entry["at"]).astimezone(zone)
    said = " ".join(sentence(Entry.model_validate(entry)).split())
    return f"{at:%H:%M:%S} {entry['person']}: {said}"
