"""chaoskit injects faults under load, verifies that a system holds, and puts everything back.

This package's root must stay free of imports: `chaoskit --version` pays for every one of them.
"""

__version__ = "0.1.0"
