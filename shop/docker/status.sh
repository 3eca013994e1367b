#!/usr/bin/env bash
# Say how the shop under Docker is: its nodes, and what it lacks of full strength. Exit 0 only at full strength.
# It must never change anything.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=project.sh
source "$(dirname "${BASH_SOURCE[0]}")/project.sh"

need_engine
[[ -n $(containers) ]] || die "down"
docker ps --all --filter "label=com.docker.compose.project=$SHOP_PROJECT" \
    --format '{{.Label "com.docker.compose.service"}}\t{{.Status}}' | LC_ALL=C sort | column -t -s $'\t'
missing=$(lacking)
[[ -z $missing ]] || { printf 'lacks:\n%s\n' "$missing"; exit 1; }
say "at full strength: http://127.0.0.1:$SHOP_PORT"
