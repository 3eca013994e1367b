"""Sliding windows over sorted starts, complete: every set of samples that any window can hold.

A window [s, s + length) slides through begin..end. Its contents change only just after a sample
leaves (s passes its start) or enters (s passes its start minus the length), so those moments
and `begin` give every set there is. This module must never judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chaoskit.judge.samples import Array

# Phase borders are sums of clock readings: a phase of 10 s may measure 9.9999999999 s.
SLACK = 1e-6


@dataclass(frozen=True)
class Windows:
    """Windows as index ranges low..high (half open) into sorted units, and where each begins."""

    at: Array
    low: Array
    high: Array

    @property
    def sizes(self) -> Array:
        return np.asarray(self.high - self.low)

    def count(self, marked: Array) -> Array:
        """How many marked units each window holds."""
        total = np.concatenate(([0], np.cumsum(marked)))
        return np.asarray(total[self.high] - total[self.low])


def whole(units: int, begin: float) -> Windows:
    """One window with everything."""
    return Windows(np.array([begin]), np.array([0]), np.array([units]))


def sliding(start: Array, begin: float, end: float, length: float) -> Windows:
    """Every distinct window of `length` seconds within begin..end (at least that long)."""
    last = max(begin, end - length)
    leaving = start[(start >= begin) & (start < last)]
    entering = start[(start - length >= begin) & (start - length < last)]
    order = np.argsort(np.concatenate(([begin], leaving, entering - length)), kind="stable")

    def ordered(first: float, left: Array, joined: Array) -> Array:
        return np.concatenate(([first], left, joined))[order]

    # One column after the other: each is as long as all samples twice over.
    gone, into = (np.searchsorted(start, s, "right") for s in (leaving, entering - length))
    low = ordered(0, gone, into)
    gone, into = (np.searchsorted(start, s, "right") for s in (leaving + length, entering))
    high = ordered(int(np.searchsorted(start, begin + length, "left")), gone, into)
    return Windows(ordered(begin, leaving, entering - length), low, high)


def fits(begin: float, end: float, length: float) -> bool:
    """Whether one window of `length` fits into begin..end."""
    return end - begin >= length - SLACK
