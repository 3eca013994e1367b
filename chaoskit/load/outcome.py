"""Which of ok, degraded, shed and failed an answer is. Pure; it must never look at latency."""

from __future__ import annotations

import json
from typing import Any, Protocol

from chaoskit.model.samples import Outcome
from chaoskit.model.system import OutcomeRule, Outcomes


class Headers(Protocol):
    """What both of Locust's clients offer: a case-insensitive mapping of text to text."""

    def get(self, field: str) -> Any: ...


def classify(
    rules: Outcomes,
    status: int,
    headers: Headers | None,
    failed: bool,
    name: str = "",
    answer: object = None,
) -> Outcome:
    """`failed` is Locust's word (an exception, a bad status, or the task's own `failure()`).

    `name` is the request's, `answer` its response, where rules may read that. A declared refusal
    is shed whatever the task made of its status. A task may turn a bad status into a success; a
    good status that the task failed stays failed.
    """

    def matches(rule: OutcomeRule) -> bool:
        return _matches(rule, status, headers, name) and _says(rule, answer)

    refused = not failed or status >= 400
    if refused and any(matches(rule) for rule in rules.shed):
        return Outcome.SHED
    for rule in rules.degraded:
        # A rule that lists the bad status means it; one with a header or body alone does not.
        declared = not failed or (status >= 400 and status in rule.status)
        if declared and matches(rule):
            return Outcome.DEGRADED
    return Outcome.FAILED if failed else Outcome.OK


def parsed(content: Any) -> Any:
    """Text as the JSON that it is; None where it is none. Anything else as it is."""
    if not isinstance(content, str | bytes):
        return content
    try:
        return json.loads(content)
    except ValueError:
        return None


def _matches(rule: OutcomeRule, status: int, headers: Headers | None, name: str) -> bool:
    if rule.request not in (None, name):
        return False
    if rule.status and status not in rule.status:
        return False
    return rule.header is None or _carries(headers, rule.header, rule.value)


def _says(rule: OutcomeRule, answer: object) -> bool:
    # Asked last: the body is only parsed where all else of the rule matches.
    return rule.body is None or rule.body.matches(parsed(getattr(answer, "content", None)))


def _carries(headers: Headers | None, name: str, value: str | None) -> bool:
    found = headers.get(name) if headers is not None else None
    if found is None:
        return False
    present = found if isinstance(found, list) else [found]
    return value is None or any(str(item).strip() == value for item in present)
