"""Data safety: marks where every copy stands before the load, reads all of them back after it.

It only reads. What cannot be read is written down as that; it must never count as empty.
"""

from chaoskit.ledger.reading import HttpLedger
from chaoskit.ledger.stored import read_history, write_offenders

__all__ = ["HttpLedger", "read_history", "write_offenders"]
