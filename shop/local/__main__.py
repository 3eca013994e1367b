"""`python -m local up|down|status`, in the folder `shop`: the shop without containers."""

import sys

try:
    from local.shop import main
except ModuleNotFoundError as error:
    sys.exit(
        f"shop: this Python has no '{error.name}'; install what the shop consists of: "
        f"{sys.executable} -m pip install --editable '.[shop]'"
    )

if __name__ == "__main__":
    sys.exit(main())
