"""Game days: people, an agenda and a log; who may say what when, and what became of it.

The log is the only state. This room never opens a system: a `Stage` is given to it, which runs
what the agenda names.
"""
