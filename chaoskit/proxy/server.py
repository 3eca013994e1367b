"""The collection of proxies: what the API's calls mean, without HTTP.

Each call validates everything before it does anything, and none waits for an upstream. It must
never replace a proxy that is already what was asked for.
"""

from __future__ import annotations

from typing import Any

from chaoskit.proxy.addresses import canonical, same_place, split
from chaoskit.proxy.chance import Chance
from chaoskit.proxy.proxy import Proxy
from chaoskit.proxy.refusals import ApiRefusal, bad_body, missing_field, no_proxy
from chaoskit.proxy.toxics import Json, shown

BUFFER = 128 * 1024
# What a client may send back of what it was shown; only the first four are acted on.
KEYS = {
    "name": str, "listen": str, "upstream": str, "enabled": bool,
    "toxics": list, "connections": int, "Logger": dict,
}  # fmt: skip


class ProxySet:
    """All proxies of one server, by name."""

    def __init__(self, seed: str) -> None:
        self._chance = Chance(seed)
        self._buffer = memoryview(bytearray(BUFFER))
        self._proxies: dict[str, Proxy] = {}

    def all(self) -> list[Proxy]:
        return [self._proxies[name] for name in sorted(self._proxies)]

    def get(self, name: str) -> Proxy:
        """Raises ApiRefusal (404)."""
        if name not in self._proxies:
            raise no_proxy()
        return self._proxies[name]

    async def create(self, wish: Json) -> Proxy:
        """Raises ApiRefusal: 400 for the wish, 409 for its name, 500 for its address."""
        check(wish)
        name, upstream = required(wish)
        listen = await canonical(wish.get("listen") or "")
        if name in self._proxies:
            raise ApiRefusal(409, "proxy already exists")
        return self._start(name, listen, upstream, enabled(wish))

    async def populate(self, wishes: Any) -> tuple[list[Proxy], ApiRefusal | None]:
        """Make each one so, in order; ends at the first refusal and returns it."""
        done: list[Proxy] = []
        try:
            for wish, listen in await self._read(wishes):
                done.append(self._make_so(wish, listen))
        except ApiRefusal as refusal:
            return done, refusal
        return done, None

    async def _read(self, wishes: Any) -> list[tuple[Json, str]]:
        """All of them are checked before the first is touched."""
        if not isinstance(wishes, list):
            raise bad_body(f"expected a list of proxies, not {shown(wishes)[:60]}")
        for number, wish in enumerate(wishes, 1):
            check(wish, f" at proxy {number}")
            required(wish, f" at proxy {number}")
        return [(wish, await canonical(wish.get("listen") or "")) for wish in wishes]

    def _make_so(self, wish: Json, listen: str) -> Proxy:
        name, upstream = required(wish)
        existing = self._proxies.get(name)
        if existing is None:
            return self._start(name, listen, upstream, enabled(wish))
        if same_place(listen, existing.listen) and upstream == existing.upstream:
            existing.enable() if enabled(wish) else existing.disable()
            return existing
        existing.delete()
        return self._start(name, listen, upstream, enabled(wish))

    def _start(self, name: str, listen: str, upstream: str, open_it: bool) -> Proxy:
        made = Proxy(name, listen, upstream, self._chance, self._buffer)
        if open_it:
            made.enable()
        self._proxies[name] = made
        return made

    async def update(self, name: str, wish: Json) -> Proxy:
        """Raises ApiRefusal: 404, 400 for the wish, 500 for its address."""
        found = self.get(name)
        check(wish)
        if wish.get("name") not in (None, name):
            raise bad_body("name of a proxy cannot be changed; delete it and create another")
        listen = await canonical(wish["listen"]) if wish.get("listen") else found.listen
        upstream = wish.get("upstream") or found.upstream
        split(upstream, "upstream")
        wanted = enabled(wish, found.enabled)
        if not same_place(listen, found.listen) or upstream != found.upstream:
            found.move(listen, upstream)
        found.enable() if wanted else found.disable()
        return found

    def delete(self, name: str) -> None:
        """Raises ApiRefusal (404)."""
        self.get(name).delete()
        del self._proxies[name]

    def reset(self) -> None:
        """Every proxy enabled, no toxic left; goes on past one that cannot start.

        Raises ApiRefusal (500) for the first that could not.
        """
        refused: list[ApiRefusal] = []
        for proxy in self.all():
            proxy.forget_toxics()
            try:
                proxy.enable()
            except ApiRefusal as refusal:
                refused.append(refusal)
        if refused:
            raise refused[0]

    def close(self) -> None:
        for proxy in self.all():
            self.delete(proxy.name)


def check(wish: Any, where: str = "") -> None:
    """Raises ApiRefusal (400) for what is no object, an unknown key or a wrong type."""
    if not isinstance(wish, dict):
        raise bad_body(f"expected an object{where}, not {shown(wish)[:60]}")
    for key, value in wish.items():
        if key not in KEYS:
            raise bad_body(f"a proxy has no '{key}'{where}; it has {', '.join(list(KEYS)[:4])}")
        wrong = not isinstance(value, KEYS[key]) or (KEYS[key] is int and isinstance(value, bool))
        if value is not None and wrong:
            raise bad_body(f"{key}{where} is a {KEYS[key].__name__}, not {shown(value)[:60]}")


def required(wish: Json, where: str = "") -> tuple[str, str]:
    for key in ("name", "upstream"):
        if not wish.get(key):
            raise missing_field(f"{key}{where}")
    split(wish["upstream"], "upstream")
    return wish["name"], wish["upstream"]


def enabled(wish: Json, default: bool = True) -> bool:
    return default if wish.get("enabled") is None else bool(wish["enabled"])
