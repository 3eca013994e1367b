"""What has gone through the proxies, in Prometheus' text format.

Toxiproxy's two counters under their own names, counting while connections live, and besides
them the connections. It must never name a metric as Toxiproxy does and mean something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from chaoskit.proxy.proxy import Proxy
from chaoskit.proxy.toxics import STREAMS

Sample = tuple[dict[str, str], int]


def exposition(proxies: Sequence[Proxy]) -> str:
    """The text of `GET /metrics`."""
    return "".join(
        line
        for name, kind, meaning, samples in _families(proxies)
        for line in _family(name, kind, meaning, samples)
    )


def _families(proxies: Sequence[Proxy]) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    for what in ("received", "sent"):
        yield f"proxy_{what}_bytes_total", "counter", f"Bytes {what}.", _bytes(proxies, what)
    yield (
        "proxy_connections", "gauge", "Live connections.",
        [(_labels(proxy), len(proxy.connections)) for proxy in proxies],
    )  # fmt: skip
    yield (
        "proxy_connections_total", "counter", "Connections accepted.",
        [(_labels(proxy), proxy.accepted) for proxy in proxies],
    )  # fmt: skip
    yield (
        "proxy_dial_failures_total", "counter", "Connections whose upstream did not answer.",
        [(_labels(proxy), proxy.dial_failures) for proxy in proxies],
    )  # fmt: skip
    yield "toxic_http_hits", "gauge", "Requests hit by an http toxic so far.", _hits(proxies)


def _bytes(proxies: Sequence[Proxy], what: str) -> Iterator[Sample]:
    for proxy in proxies:
        traffic = proxy.traffic()
        for direction in STREAMS:
            labels = {"direction": direction, **_labels(proxy)}
            yield labels, traffic[f"{what} {direction}"]


def _hits(proxies: Sequence[Proxy]) -> Iterator[Sample]:
    for proxy in proxies:
        for toxic in proxy.toxics.values():
            if toxic.type == "http":
                yield {"toxic": toxic.name, **_labels(proxy)}, toxic.hits


def _labels(proxy: Proxy) -> dict[str, str]:
    return {"proxy": proxy.name, "listener": proxy.listen, "upstream": proxy.upstream}


def _family(name: str, kind: str, meaning: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP toxiproxy_{name} {meaning}\n# TYPE toxiproxy_{name} {kind}\n"
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"toxiproxy_{name}{{{inside}}} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
