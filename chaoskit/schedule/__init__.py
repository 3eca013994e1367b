"""When experiments run: moments, what forbids them, and a log of what became of each.

It starts experiments as `chaoskit run` does, in a process of their own. It must never make up
for a run that was missed, and never run two at once.
"""
