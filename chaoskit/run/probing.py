"""Probes that expectations name, asked beside the load through all phases, each on its schedule.

Every question is one sample at its intended start; an answer that comes late, or never, is a
failed one. Where it is the observer that is silent, not the system, there is none: that would be
data about nothing. It must never wait for an answer while the run goes on.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from dataclasses import dataclass, field

from chaoskit.errors import ChaoskitError, LoadError
from chaoskit.judge.samples import Samples
from chaoskit.model.probes import ProbeSpec
from chaoskit.model.samples import Outcome, pack
from chaoskit.ports import Answer, Clock, Probe
from chaoskit.run.around import Surroundings
from chaoskit.run.calls import Call
from chaoskit.run.plan import Plan
from chaoskit.run.target import Target

ANSWERS, PROBES = "probes.bin", "probes.json"
# A question waits for its moment in its own thread: the engine only looks every 100 ms.
AHEAD = 0.25
DRAIN = 5.0
# Seconds. Who begins a question so late lacks a processor: that an answer is late may be his doing.
BEHIND = 0.1
TELL_EVERY = 1.0


def places(plan: Plan) -> int:
    """How many questions may be pending at once."""
    return sum(map(_room, plan.probes.values()))


def _room(spec: ProbeSpec) -> int:
    return math.ceil((spec.timeout + AHEAD) / spec.every) + 1


@dataclass
class Question:
    """One question, due at monotonic `due` and late after `late`.

    `begun` holds the time when its thread came to ask. `kept`: its sample is written. A call that
    never ends keeps its place: the engine must have its own.
    """

    due: float
    late: float
    call: Call
    begun: list[float]
    kept: bool = False

    @property
    def prompt(self) -> bool:
        return bool(self.begun) and self.begun[0] <= self.due + BEHIND


@dataclass
class Course:
    """One probe's schedule from `first` on; `asked` counts its questions.

    `said` is what the journal was told last: whether it is ok, whether that is known, and when it
    was told.
    """

    index: int
    name: str
    probe: Probe
    spec: ProbeSpec
    first: float
    asked: int = 0
    open: list[Question] = field(default_factory=list)
    said: tuple[bool, bool, float] = (True, True, -math.inf)

    @property
    def due(self) -> float:
        return self.first + self.asked * self.spec.every

    @property
    def timeout(self) -> float:
        return float(self.spec.timeout)


class Probing:
    """All probes of one run.

    `unasked` counts questions that were over before they could be asked: this process stood still.
    `unknown` counts by probe the answers that told nothing of the system.
    """

    def __init__(self, plan: Plan, target: Target, around: Surroundings) -> None:
        self._specs = plan.probes
        self._probes = target.probes
        self._around = around
        self._clock: Clock = around.clock
        self._courses: list[Course] = []
        self._raw = bytearray()
        self._file: int | None = None
        self.unasked = 0
        self.unknown: Counter[str] = Counter()

    def news(self) -> Samples:
        """What was answered, or was not in time, since the last call."""
        every = {name: float(spec.every) for name, spec in self._specs.items()}
        raw, self._raw = bytes(self._raw), bytearray()
        return Samples.from_bytes(raw, every, every)

    def begin(self, at: float) -> None:
        """Ask from monotonic `at` on, one probe after the other and not all at once.

        Raises LoadError when their samples cannot be kept.
        """
        if not self._specs:
            return
        every = {name: float(spec.every) for name, spec in self._specs.items()}
        try:
            (self._around.folder / PROBES).write_text(json.dumps(every))
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(self._around.folder / ANSWERS, flags, 0o644)
        except OSError as error:
            raise LoadError(f"the samples of probes cannot be kept: {error}") from error
        for index, (name, spec) in enumerate(self._specs.items()):
            shift = spec.every * (index + 0.5) / len(self._specs)
            self._courses.append(Course(index, name, self._probes[name], spec, at + shift))

    def tend(self, now: float) -> None:
        """Take in what was answered and ask what is due; raises LoadError as `begin` does."""
        for course in self._courses:
            self._collect(course, now)
            while course.due <= now + AHEAD:
                self._ask(course, now)

    def close(self) -> None:
        """Ask no more, and give what is pending its time, though no more than five seconds."""
        limit = self._clock.now() + DRAIN
        while self._clock.now() < limit and self.pending():
            for course in self._courses:
                self._collect(course, self._clock.now(), aloud=False)
            self._clock.sleep(0.02)
        for course in self._courses:
            self._collect(course, math.inf, aloud=False)
        if self._file is not None:
            os.close(self._file)
        self._courses, self._file = [], None

    def pending(self, before: float = math.inf) -> bool:
        """Whether the answer to a question that was due earlier is still to come; not for long."""
        questions = (question for course in self._courses for question in course.open)
        return any(question.due < before and not question.kept for question in questions)

    def _ask(self, course: Course, now: float) -> None:
        due, course.asked = course.due, course.asked + 1
        self.unasked += now > due + course.timeout
        if now > due + course.timeout or len(course.open) >= _room(course.spec):
            # Where there is no room those before it hang, and that tells something.
            known = now <= due + course.timeout and not course.spec.second_hand
            late = Answer(False, (), "was not asked in time", known)
            self._keep(course, due, course.timeout, late)
            return
        begun = list[float]()
        call = self._around.calls.submit(
            f"probe {course.probe.name}",
            lambda: self._answer(course.probe, due, begun),
            course.timeout + AHEAD,
        )
        course.open.append(Question(due, due + course.timeout, call, begun))

    def _answer(self, probe: Probe, due: float, begun: list[float]) -> tuple[float, Answer]:
        """In its own thread: wait for the moment, ask, and say when it was answered."""
        self._clock.sleep(due - self._clock.now())
        begun.append(self._clock.now())
        answer = probe.ask()
        return self._clock.now(), answer

    def _collect(self, course: Course, now: float, *, aloud: bool = True) -> None:
        """What is answered, or late by now."""
        for question in course.open:
            if not question.kept and (question.call.done or now > question.late):
                question.kept = True
                end, answer = self._heard(question, course)
                self._keep(course, question.due, end - question.due, answer)
                if aloud:
                    self._tell(course, answer, now)
        course.open = [q for q in course.open if not (q.kept and q.call.done)]

    def _heard(self, question: Question, course: Course) -> tuple[float, Answer]:
        """When it was answered, and what; whatever came late is not ok."""
        if not question.call.done:
            said = f"did not answer within {course.spec.timeout}"
            known = question.prompt and not course.spec.second_hand
            return question.late, Answer(False, (), said, known)
        error = question.call.future.exception(timeout=0)
        if isinstance(error, ChaoskitError | OSError):
            # What the system does not answer is an answer; this is our own way to it.
            return question.late, Answer(False, (), str(error), known=False)
        end, answer = question.call.result()
        if end > question.late:
            known = answer.known and question.prompt and not course.spec.second_hand
            return end, Answer(False, (), answer.detail or "answered too late", known)
        return end, answer

    def _keep(self, course: Course, due: float, latency: float, answer: Answer) -> None:
        if not answer.known:
            self.unknown[course.name] += 1
            return
        outcome = Outcome.OK if answer.ok else Outcome.FAILED
        record = pack(due, max(0.0, latency), course.index, outcome, 0)
        self._raw += record
        try:
            if self._file is not None and os.write(self._file, record) < len(record):
                raise OSError("no space is left")
        except OSError as error:
            raise LoadError(f"the samples of probes cannot be kept: {error}") from error

    def _tell(self, course: Course, answer: Answer, now: float) -> None:
        """Why a probe is not ok any more, or not known, or that it is again; once a second."""
        ok, known, when = course.said
        if (answer.ok, answer.known) != (ok, known) and now >= when + TELL_EVERY:
            course.said = answer.ok, answer.known, now
            unknown = {} if answer.known else {"known": False}
            told = {"probe": course.probe.name, "ok": answer.ok, "detail": answer.detail, **unknown}
            self._around.journal.append("probe", **told)
