"""The verdict as JUnit XML, for CI: one suite, one case for each gate.

Inconclusive is an error, not a skip: most CI shows a skip as green. It must never pass what
the verdict does not call held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from chaoskit.model.verdict import Gate, Status, Verdict
from chaoskit.report import datasafety, words

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdict: Verdict) -> bytes:
    """One `<testsuites>` document; the counts agree with the cases in it."""
    suite = ET.Element("testsuite", _head(verdict))
    _properties(suite, verdict)
    for gate in verdict.gates:
        _gate(suite, verdict, gate)
    if not verdict.restored:
        _not_restored(suite, verdict)
    if verdict.exit_code != 0 and suite.find("testcase/*") is None:
        _whole(suite, verdict)
    for name, path in (("tests", ""), ("failures", "/failure"), ("errors", "/error")):
        suite.set(name, str(len(suite.findall(f"testcase{path}"))))
    ET.SubElement(suite, "system-out").text = _clean("\n".join(verdict.reasons)) or None
    ET.SubElement(suite, "system-err")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)


def _head(verdict: Verdict) -> dict[str, str]:
    """What readers ask of a suite. No machine is named: a verdict does not know which it was."""
    return {
        "name": _clean(verdict.experiment),
        "package": "chaoskit",
        "id": "0",
        "timestamp": _second(verdict.started_at),
        "hostname": "localhost",
        "skipped": "0",
        "time": f"{_lasted(verdict):.3f}",
    }


def _second(started: str) -> str:
    """UTC to the second, without a zone; a time has to stand there, so an unknown one is 1970."""
    try:
        read = datetime.fromisoformat(started)
    except ValueError:
        read = datetime.fromtimestamp(0, UTC)
    at = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def _lasted(verdict: Verdict) -> float:
    """Seconds from the first phase's begin to the last time known of any."""
    known = [t for span in verdict.spans for t in (span.begin, span.end) if t is not None]
    return max(known) - min(known) if known else 0.0


def _properties(suite: ET.Element, verdict: Verdict) -> None:
    told = {
        "verdict": str(verdict.status),
        "run": verdict.run,
        "system": verdict.system,
        "runtime": verdict.runtime,
        "seed": str(verdict.seed),
        "quick": "true" if verdict.quick else "false",
        "chaoskit": verdict.chaoskit,
    }
    properties = ET.SubElement(suite, "properties")
    for name, value in told.items():
        ET.SubElement(properties, "property", name=name, value=_clean(value))


def _case(suite: ET.Element, verdict: Verdict, name: str) -> ET.Element:
    classname = _clean(verdict.experiment)
    return ET.SubElement(suite, "testcase", classname=classname, name=_clean(name), time="0")


def _gate(suite: ET.Element, verdict: Verdict, gate: Gate) -> None:
    case = _case(suite, verdict, f"{gate.phase}: {gate.expectation}")
    observed = f"observed {gate.shown}, bound {gate.bound}"
    if gate.status is Status.VIOLATED:
        _mark(case, "failure", "violated", observed, _evidence(verdict, gate))
    elif gate.status is Status.INCONCLUSIVE:
        _mark(case, "error", "inconclusive", observed, _evidence(verdict, gate))


def _evidence(verdict: Verdict, gate: Gate) -> str:
    """Why, from how many requests, and what was proven to be in force meanwhile."""
    if gate.metric == "data_safety":
        return "\n".join([gate.reason, *_offenders(verdict)])
    seen = [f"from {words.count(gate.samples, 'planned request')}"]
    for one in verdict.injections if gate.phase == "fault" else ():
        told = "; ".join((words.proof(one), *words.evidence(one)))
        seen.append(f"{one.fault} {one.point}: {told}")
    return "\n".join([*([gate.reason] if gate.reason else []), *seen])


def _offenders(verdict: Verdict) -> Iterator[str]:
    origin = next((s.begin for s in verdict.spans if s.phase == "baseline"), 0.0)
    for one in verdict.data_safety.offenders if verdict.data_safety else ():
        offence, id_, at, answer, where = datasafety.offender(one, verdict, origin)
        yield f"{offence} {id_}: attempted {at}, acknowledged {answer}, {where}"


def _not_restored(suite: ET.Element, verdict: Verdict) -> None:
    case = _case(suite, verdict, "everything was put back")
    message = f"NOT RESTORED; chaoskit revert {verdict.run}"
    _mark(case, "failure", "not restored", message, "\n".join(verdict.differences))


def _whole(suite: ET.Element, verdict: Verdict) -> None:
    """The run itself as a case, when it failed although no single gate did."""
    case = _case(suite, verdict, "verdict")
    violated = verdict.status is Status.VIOLATED
    kind = str(verdict.status) if verdict.stop_kind is None else verdict.stop_kind
    message = words.ending(verdict) or str(verdict.status)
    tag = "failure" if violated else "error"
    _mark(case, tag, kind, message, "\n".join(verdict.reasons))


def _mark(case: ET.Element, tag: str, kind: str, message: str, text: str) -> None:
    element = ET.SubElement(case, tag, type=kind, message=_clean(message))
    element.text = _clean(text) or None
