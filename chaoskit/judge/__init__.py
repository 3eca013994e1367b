"""Samples and expectations in, verdict out: pure functions over exact figures.

This room must never read a clock, a file or the network, and never guess: what it cannot say
from the samples is `inconclusive`, with a reason.
"""
