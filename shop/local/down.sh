#!/usr/bin/env bash
# Stop the shop without containers and remove its data (`chaoskit system down --runtime local`).
set -euo pipefail
shop=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The Python that has the servers' wheels: named, the checkout's own, the one on PATH.
python=${PYTHON:-$shop/../.venv/bin/python}
[[ -x $python ]] || python=python3
PYTHONPATH=$shop exec "$python" -m local down
