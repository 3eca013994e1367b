"""The catalogue of faults: one file each, imported here so that it is registered.

A new fault costs one file, one row in the contract test and one line below.
"""

from chaoskit.faults import (
    bandwidth,  # noqa: F401
    crash,  # noqa: F401
    cut,  # noqa: F401
    kill,  # noqa: F401
    latency,  # noqa: F401
    pause,  # noqa: F401
    reset,  # noqa: F401
    restart,  # noqa: F401
    stop,  # noqa: F401
)
from chaoskit.faults.registry import (
    NODE_CONTROL,
    PROXY,
    FaultKind,
    FaultSpec,
    Undo,
    all_faults,
    find,
)

__all__ = ["NODE_CONTROL", "PROXY", "FaultKind", "FaultSpec", "Undo", "all_faults", "find"]
