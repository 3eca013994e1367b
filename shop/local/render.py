"""The files a node is started from: those of the Docker shop, written for one bare machine.

Each difference is one line here. Data is never written, only what programs read at their start.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

from local.layout import NODE_FILES, SHOP, Layout, Node
from local.place import Place

Servers = dict[str, Path]


def write_files(layout: Layout, place: Place, servers: Servers) -> None:
    """Every node's files and folders, and the proxy's configuration."""
    _link_programs(place.folder / "bin", servers)
    (place.folder / "proxies.json").write_text(json.dumps(layout.proxies, indent=1))
    for node in layout.nodes:
        place.home(node.name).mkdir(parents=True, exist_ok=True, mode=0o700)
        target = place.files(node.name)
        target.mkdir(parents=True, exist_ok=True)
        for source in NODE_FILES.iterdir():
            if source.suffix in (".sh", ".cfg", ".yml", ".conf"):
                text = rendered(source.name, source.read_text(), node, place, servers)
                (target / source.name).write_text(layout.ground.at(text))
                shutil.copymode(source, target / source.name)


def rendered(name: str, text: str, node: Node, place: Place, servers: Servers) -> str:
    """One file of the Docker shop for `node`; ports are still those it names."""
    if name.endswith(".cfg"):
        text = re.sub(r"^  (user|group) haproxy\n", "", text, flags=re.M)
        # One thread: 2 cores carry 21 nodes and their load.
        text = text.replace("global\n", "global\n  nbthread 1\n", 1)
        return text.replace("bind *:", f"bind {node.address}:")
    home, files = place.home(node.name), place.files(node.name)
    if name == "patroni.yml":
        text = text.replace("listen: 0.0.0.0:", f"listen: {node.address}:")
        text = text.replace("/var/lib/postgresql/patroni/", f"{home}/")
        text = text.replace("/usr/lib/postgresql/15/bin", str(servers["postgres"].parent))
        text = text.replace("/tmp/pgpass", f"{home}/pgpass")
        # Over TCP alone: a path of ours may be too long for a socket.
        text = text.replace("unix_socket_directories: /tmp", 'unix_socket_directories: ""')
        # Whoever connects on loopback comes from 127.0.0.1, whatever his own address is.
        text = text.replace("@NET@.0/24", "127.0.0.0/8")
        # Patroni splits this one as a shell does.
        bootstrap = json.dumps(shlex.quote(str(files / "bootstrap-database.sh")))
        return text.replace("/shop/nodes/bootstrap-database.sh", bootstrap)
    if name == "redis.conf":
        text = text.replace("bind * -::*", f"bind {node.address}")
        return text.replace("dir /var/lib/redis", f'dir "{home}"')
    return text


def command(node: Node, place: Place, servers: Servers, python: str) -> list[str]:
    """What starts the node's program."""
    files = place.files(node.name)
    words = [word.replace("/shop/nodes", str(files)) for word in node.command]
    if words[0] == "python3":
        return [python, *words[1:]]
    if words[0].endswith(".sh"):
        return [str(servers["bash"]), *words]
    return [str(servers[words[0]]), *words[1:]]


def environment(node: Node, place: Place, servers: Servers) -> dict[str, str]:
    """What the node is told; the places of its files beside what Compose tells it."""
    return {
        **node.environment,
        "SHOP_HOME": str(place.home(node.name)),
        "SHOP_NODES": str(place.files(node.name)),
        "SHOP_NO_ADDRESSES": "yes",
        "SHOP_FOLDER": str(place.folder),
        "PATH": f"{place.folder / 'bin'}:{servers['postgres'].parent}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(SHOP),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _link_programs(folder: Path, servers: Servers) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("haproxy", "redis-server", "redis-cli", "etcd", "patroni"):
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(servers[name])
