#!/usr/bin/env bash
# Make sure that a Docker engine answers (`make engine`).
#
# Where one answers already, nothing is done. On Debian, as root, it is installed from Debian's packages and
# started; anywhere else this says what to do and fails.
# It must never restart or reconfigure an engine that works, stop containers, or kill a process whose name it has
# not checked.
set -euo pipefail

LOG=/var/log/chaoskit-dockerd.log
PACKAGES=(docker.io docker-compose iptables ca-certificates)
WAIT_S=60

say() { printf 'engine: %s\n' "$*"; }
die() { printf 'engine: %s\n' "$*" >&2; exit 1; }

server_version() { timeout 10 docker version --format '{{.Server.Version}}' 2>/dev/null; }

has_compose() { docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null; }

install_packages() {
    say "will install with apt-get: ${PACKAGES[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # A lock held by another apt run is waited for instead of failing the whole setup.
    local apt=(apt-get -o DPkg::Lock::Timeout=300 -qq)
    "${apt[@]}" update
    # With its recommendations: docker.io needs some of them (cgroupfs-mount) where no init system mounts cgroups.
    "${apt[@]}" install -y "${PACKAGES[@]}" >/dev/null
}

# A process that is a zombie still has a /proc entry, and dockerd takes that for a running engine.
is_gone() { [[ ! -e /proc/$1 ]] || [[ $(awk '/^State:/ {print $2}' "/proc/$1/status" 2>/dev/null) == Z ]]; }

# Clear what a killed engine left behind: it refuses to start over its own pid files, for good if the number was
# taken by another process since. Only a process that still carries the expected name is ended.
clear_leftover() {
    local pid_file=$1 expected=$2 pid
    [[ -f $pid_file ]] || return 0
    pid=$(<"$pid_file")
    if [[ $pid =~ ^[0-9]+$ ]] && [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "$expected" ]]; then
        say "ending a leftover $expected (pid $pid)"
        kill -9 "$pid" 2>/dev/null || true
        for _ in {1..50}; do is_gone "$pid" && break; sleep 0.1; done
    fi
    rm -f "$pid_file"
}

start_by_hand() {
    clear_leftover /run/docker.pid dockerd
    clear_leftover /run/docker/containerd/containerd.pid containerd
    if ! grep -q ' /sys/fs/cgroup' /proc/mounts && command -v cgroupfs-mount >/dev/null; then cgroupfs-mount; fi
    # Its own session, so that the engine outlives this terminal; --live-restore, so that containers outlive the engine.
    setsid dockerd --live-restore >>"$LOG" 2>&1 </dev/null &
}

start_engine() {
    if [[ -d /run/systemd/system ]]; then
        say "starting docker.service"
        systemctl start docker
    else
        say "starting dockerd (log: $LOG)"
        start_by_hand
    fi
}

wait_for_engine() {
    local deadline=$((SECONDS + WAIT_S))
    until server_version >/dev/null; do
        ((SECONDS < deadline)) || { tail -n 5 "$LOG" >&2 || true; die "no answer after $WAIT_S s, see $LOG"; }
        sleep 0.5
    done
}

main() {
    local version
    if version=$(server_version) && has_compose; then
        say "Docker $version answers, nothing to do"
        return
    fi
    [[ $EUID -eq 0 ]] || die "no Docker engine answers (or Compose is missing). Start one, or run this as root on Debian."
    [[ -f /etc/debian_version ]] || die "no Docker engine answers (or Compose is missing), and this is not Debian: install both as docs.docker.com says."
    if ! command -v dockerd >/dev/null || ! has_compose; then install_packages; fi
    if ! server_version >/dev/null; then start_engine; wait_for_engine; fi
    say "Docker $(server_version) answers"
}

main "$@"
