"""What a Prometheus says of the system. No value is no health, nor harm: it is not known.

It must never read a range: one instant is one answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from chaoskit.errors import InvalidInput
from chaoskit.model.probes import PrometheusProbe
from chaoskit.ports import Answer
from chaoskit.probe.asking import Asking, Silent, Unknown, required
from chaoskit.probe.http import checked, get

# What a query answers that divides nothing by nothing, such as the p99 of no requests.
NO_VALUE = "NaN"


class PrometheusAsk:
    """Every value of an instant query meets the condition; see `ports.Probe`."""

    def __init__(self, name: str, spec: PrometheusProbe, asking: Asking, entry: str) -> None:
        self.name, self._spec, self._asking = name, spec, asking
        place = checked(name, urljoin(entry, spec.url))
        if urlsplit(place).query:
            raise InvalidInput(f"probe '{name}' has a '?' in its url; the query stands in 'query'")
        self._url = f"{place.rstrip('/')}/api/v1/query?{urlencode({'query': spec.query})}"

    def ask(self) -> Answer:
        got = self._asking.once(partial(get, self._url, self._asking.timeout))
        try:
            if isinstance(got, Silent):
                raise Unknown(str(got))
            # A value that is none comes last: another one may break the condition for certain.
            for labels, value in sorted(_values(*got), key=lambda each: each[1] == NO_VALUE):
                self._required(labels, value)
        except Silent as silent:
            return Answer(False, (), f"Prometheus {silent}", not isinstance(silent, Unknown))
        return Answer(True)

    def _required(self, labels: str, value: str) -> None:
        try:
            required(value, self._spec.expect)
        except Silent as silent:
            kind = Unknown if value == NO_VALUE else Silent
            raise kind(f"{silent}{labels and f', for {labels}'}") from None


def _values(status: int, body: str) -> Iterator[tuple[str, str]]:
    """Labels and value of each series; raises Unknown where there is none or it is no answer."""
    try:
        said: Any = json.loads(body)
        if said["status"] != "success":
            raise Unknown(f"answered the error '{said.get('error', said['status'])}'")
        kind, result = said["data"]["resultType"], said["data"]["result"]
        found = [result] if kind in ("scalar", "string") else [one["value"] for one in result]
        named = [""] if kind in ("scalar", "string") else [_labels(one["metric"]) for one in result]
        yield from zip(named, (str(value) for _, value in found), strict=True)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Unknown(f"answered {status} with what is no result of an instant query") from error
    if not found:
        raise Unknown("answered without a value")


def _labels(metric: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in metric.items() if key != "__name__")
