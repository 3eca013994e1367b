#!/usr/bin/env bash
# Say how the shop without containers is, and what it lacks. Exit 0 only at full strength.
set -euo pipefail
shop=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The Python that has the servers' wheels: named, the checkout's own, the one on PATH.
python=${PYTHON:-$shop/../.venv/bin/python}
[[ -x $python ]] || python=python3
PYTHONPATH=$shop exec "$python" -m local status
