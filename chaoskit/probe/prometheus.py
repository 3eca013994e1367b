"""What a Prometheus says of the system. No value is no health: a series that is gone says nothing.

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
from chaoskit.probe.asking import Asking, Silent, required
from chaoskit.probe.http import checked, get


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
                raise got
            for labels, value in _values(*got):
                self._required(labels, value)
        except Silent as silent:
            return Answer(False, (), f"Prometheus {silent}")
        return Answer(True)

    def _required(self, labels: str, value: str) -> None:
        try:
            required(value, self._spec.expect)
        except Silent as silent:
            raise Silent(f"{silent}{labels and f', for {labels}'}") from None


def _values(status: int, body: str) -> Iterator[tuple[str, str]]:
    """Labels and value of each series; raises Silent where there is none or it is no answer."""
    try:
        said: Any = json.loads(body)
        if said["status"] != "success":
            raise Silent(f"answered the error '{said.get('error', said['status'])}'")
        kind, result = said["data"]["resultType"], said["data"]["result"]
        found = [result] if kind in ("scalar", "string") else [one["value"] for one in result]
        named = [""] if kind in ("scalar", "string") else [_labels(one["metric"]) for one in result]
        yield from zip(named, (str(value) for _, value in found), strict=True)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Silent(f"answered {status} with what is no result of an instant query") from error
    if not found:
        raise Silent("answered without a value")


def _labels(metric: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in metric.items() if key != "__name__")
