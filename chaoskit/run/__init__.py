"""One run: plan, lock, journal, engine, revert, watchdog and halt.

This room is given a world and a load; it must never open one itself, and it must never inject
anything whose undo is not on disk.
"""
