"""What a person types to heal a link that proxies carry: curl against Toxiproxy's API.

Only the injection's own toxics are named; it must never reset or delete a proxy.
"""

from __future__ import annotations

import json
import shlex
from urllib.parse import quote

from chaoskit.ports import Json
from chaoskit.world.proxied import toxics_of

# Never through the environment's HTTP proxy, which knows nothing of loopback.
CURL = "curl -sS --noproxy '*'"


def link_by_hand(description: Json, undo: Json) -> tuple[str, ...]:
    """One command for each toxic on each carrier; after a cut, one that opens each door.

    Raises KeyError, TypeError or TargetError for an undo that is none of a link.
    """
    api, condition = str(description["proxies"]).rstrip("/"), undo["condition"]
    toxics = toxics_of(undo["injection"], condition)
    found = []
    for proxy, was in undo["was"].items():
        url = f"{api}/proxies/{quote(proxy, safe='')}"
        for toxic in toxics:
            place = f"{url}/toxics/{quote(toxic.name, safe='')}"
            found.append(f"{CURL} -X DELETE {shlex.quote(place)}")
        if condition["kind"] == "cut":
            wish = json.dumps({"enabled": bool(was["enabled"])})
            found.append(f"{CURL} -X POST {shlex.quote(url)} -d {shlex.quote(wish)}")
    return tuple(found)
