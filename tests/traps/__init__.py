"""Traps that others fell into, each set up for real and shown not to bite."""
