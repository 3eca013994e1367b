#!/usr/bin/env bash
# Stop the shop under Docker and remove its containers, network and data (`chaoskit system down --runtime docker`).
# Other projects, and all images, stay. Nothing running is fine.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=project.sh
source "$(dirname "${BASH_SOURCE[0]}")/project.sh"

need_engine
take_down
rm -f "$STATE_FILE" "$SHOP_DIR/.state/up-$SHOP_PROJECT.log"
say "down"
