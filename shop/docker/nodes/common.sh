# shellcheck shell=bash
# What the entries of the nodes share. The same entries serve both runtimes: in a container with the places below, on a
# bare machine (shop/local) with the node's own folder, as one user, in a process namespace. Sourced, never run.

NODES=${SHOP_NODES:-/shop/nodes}

without() { [[ ",${SHOP_WITHOUT:-}," == *",$1,"* ]]; }

# own_folder USER FOLDER: make it, for USER alone; where we are nobody's root, it is ours already.
own_folder() {
    if ((EUID == 0)); then install -d -o "$1" -g "$1" -m 700 "$2"; else install -d -m 700 "$2"; fi
}

# become USER COMMAND…: servers do not run as root.
become() {
    ((EUID == 0)) || exec "${@:2}"
    exec setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}"
}
