"""What can go wrong between the shop's parts, as few kinds of exception.

Unavailable          an attempt or a whole downstream failed; someone else may be asked
├── TimedOut         … by not answering in time
└── BreakerOpen      … without being asked, because it failed too often just now
Full                 we chose not to take the work (a bulkhead without a free place)

It must never know HTTP, PostgreSQL or Redis: each module translates its own foreign errors.
"""

from __future__ import annotations


class Unavailable(Exception):
    """A part of the shop did not do its work."""


class TimedOut(Unavailable):
    """It did not answer in time."""


class BreakerOpen(Unavailable):
    """It was not asked."""


class Full(Exception):
    """There is no place for this work: a deliberate refusal."""
