"""What files name of the world outside: a time zone, a URL. It must never ask for either."""

from __future__ import annotations

from urllib.parse import urlsplit

from chaoskit.document.binding import node_at
from chaoskit.document.nearest import meant
from chaoskit.document.tree import Problems, Table


def check_zone(name: str, tree: Table, problems: Problems) -> None:
    """The zone under `timezone` is in this machine's list."""
    from zoneinfo import available_timezones

    known = available_timezones()
    if name not in known:
        guess, hint = meant(name, known)
        hint = hint if guess else "such as Europe/Berlin"
        problems.add(node_at(tree, ("timezone",))[1], f"there is no time zone '{name}'", hint)


def check_url(url: str, where: tuple[str | int, ...], tree: Table, problems: Problems) -> None:
    """The text at `where` is a URL of http or https with a host."""
    node, place = node_at(tree, where)
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        fit = False
    if not fit and not getattr(node, "refused", False):
        problems.add(place, f"expected a URL that begins with http:// or https://, got '{url}'")
