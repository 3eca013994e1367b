"""All samples of a run as one numpy array, always sorted by intended start.

Slices are views, and what was computed of one is kept with it, since many claims ask for the same.
This module must never drop a whole record or change what a sample says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chaoskit.errors import LoadError
from chaoskit.model.samples import FIELDS, STATUS_MASK

DTYPE = np.dtype(list(FIELDS))
Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples and the names their series indexes stand for.

    `window` is where `between` cut them (seconds, half open); None: not cut. `probes` are those of
    the names that are probes and no requests, with the seconds between two questions of each.
    """

    array: Array
    names: tuple[str, ...] = ()
    window: tuple[float, float] | None = None
    probes: Mapping[str, float] = field(default_factory=dict)
    _kept: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        start = self.array["start"]
        if len(start) > 1 and bool(np.any(start[1:] < start[:-1])):
            object.__setattr__(self, "array", _sorted(self.array))

    @classmethod
    def empty(cls) -> Samples:
        return cls(np.empty(0, DTYPE))

    @classmethod
    def from_bytes(
        cls, raw: bytes, names: Iterable[str], probes: Mapping[str, float] = {}
    ) -> Samples:
        """Read whole 16-byte records and cut a torn tail.

        Raises LoadError when a record's series has no name: its writer names a series first.
        """
        table = tuple(names)
        array = np.frombuffer(raw, DTYPE, count=len(raw) // DTYPE.itemsize)
        if len(array) and int(array["series"].max()) >= len(table):
            raise LoadError(
                f"a sample has series {array['series'].max()}, but only {len(table)} names are "
                "known; the load generator must write a name before its first sample"
            )
        return cls(array, table, probes=probes)

    def merge(self, *others: Samples) -> Samples:
        """Join worker files whose name tables differ; the result is the same in any order.

        Raises LoadError when a request of one is called like a probe of another.
        """
        parts = (self, *others)
        probes = {name: every for part in parts for name, every in part.probes.items()}
        _refuse_namesakes(parts, probes)
        names = tuple(sorted({name for part in parts for name in part.names}))
        return Samples(_joined([part._renumbered(names) for part in parts]), names, probes=probes)

    def _renumbered(self, names: tuple[str, ...]) -> Array:
        if self.names == names:
            return self.array
        place = {name: index for index, name in enumerate(names)}
        table = np.array([place[name] for name in self.names], "<u2")
        array = self.array.astype(DTYPE, copy=True)
        if len(array):
            array["series"] = table[array["series"]]
        return array

    def between(self, begin: float, end: float) -> Samples:
        """The samples with begin <= intended start < end."""
        window = (begin, max(begin, end))
        if self.window == window:
            return self
        low, high = np.searchsorted(self.start, window, side="left")
        part = self._part(self.array[low:high], window)
        part._kept["start"] = self.start[low:high]
        return part

    def phase(self, begin: float, end: float) -> Samples:
        """As `between`, for a window that is asked for again: it is cut once."""
        part: Samples = self.kept(f"{begin!r}..{end!r}", lambda: self.between(begin, end))
        return part

    def of(self, series: str) -> Samples:
        """The samples of one series; `all` is every request, an unknown series has none."""
        if series == "all":
            requests: Samples = self.kept("requests", self._requests)
            return requests
        if series not in self.names:
            return self._part(self.array[:0], self.window)
        by_series: tuple[Samples, ...] = self.kept("by_series", self._by_series)
        return by_series[self.names.index(series)]

    def _by_series(self) -> tuple[Samples, ...]:
        """All series at once: a stable sort by series leaves each of them in order of start."""
        grouped = self.array[np.argsort(self.array["series"], kind="stable")]
        borders = np.cumsum(self.tally().sum(axis=1))[:-1]
        return tuple(self._part(part, self.window) for part in np.split(grouped, borders))

    def _part(self, array: Array, window: tuple[float, float] | None) -> Samples:
        """Some of these samples, in the same order, so that it is not looked at again."""
        part = object.__new__(Samples)
        content = {"array": array, "names": self.names, "window": window,
                   "probes": self.probes, "_kept": {}}  # fmt: skip
        for name, value in content.items():
            object.__setattr__(part, name, value)
        return part

    def kept(self, name: str, compute: Callable[[], Any]) -> Any:
        """What `compute` gives, computed once. It must follow from these samples alone."""
        if name not in self._kept:
            self._kept[name] = compute()
        return self._kept[name]

    def _requests(self) -> Samples:
        if not self.probes:
            return self
        kept = np.array([name not in self.probes for name in self.names], bool)
        return self._part(self.array[kept[self.array["series"]]], self.window)

    def tally(self) -> NDArray[np.int64]:
        """Samples by series (row) and outcome (4 columns)."""
        cells = self.array["series"].astype(np.int64) * 4 + self.outcome
        size = 4 * len(self.names)
        return np.bincount(cells, minlength=size).reshape(-1, 4)

    def to_bytes(self) -> bytes:
        return self.array.tobytes()

    def __len__(self) -> int:
        return len(self.array)

    @property
    def start(self) -> Array:
        """Intended starts in seconds, ascending."""
        start: Array = self.kept("start", lambda: np.ascontiguousarray(self.array["start"]))
        return start

    @property
    def latency(self) -> Array:
        """Seconds from the intended start, as measured (a failed one is not infinite here)."""
        return np.asarray(self.array["latency"])

    @property
    def outcome(self) -> Array:
        """0..3, see `model.samples.Outcome`."""
        outcome: Array = self.kept("outcome", lambda: np.asarray(self.array["code"] >> 14))
        return outcome

    @property
    def status(self) -> Array:
        """HTTP status; 0: none."""
        return np.asarray(self.array["code"] & STATUS_MASK)


def _refuse_namesakes(parts: Iterable[Samples], probes: Mapping[str, float]) -> None:
    for part in parts:
        for name in part.names:
            if name in probes and name not in part.probes:
                raise LoadError(
                    f"the load sends a request called '{name}', and so is a probe of system.yaml "
                    "that an expectation names; rename one of them"
                )


def _joined(arrays: list[Array]) -> Array:
    """All in order. What begins before every sample of the other arrays stays where it is.

    A run looks at itself many times a second, and what is new then began a moment ago.
    """
    longest, *others = sorted(arrays, key=len, reverse=True)
    begun = [float(each["start"][0]) for each in others if len(each)]
    cut = np.searchsorted(longest["start"], min(begun), side="left") if begun else len(longest)
    return np.concatenate([longest[:cut], _sorted(np.concatenate([longest[cut:], *others]))])


def _sorted(array: Array) -> Array:
    # Ties are broken by the other fields, so that the order of worker files leaves no trace.
    order = np.lexsort((array["code"], array["latency"], array["series"], array["start"]))
    return array[order]
