"""What an experiment, a system and a verdict are: frozen typed values, and nothing else.

This room must never read a clock, a file or the network.
"""
