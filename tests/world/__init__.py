"""Tests of the worlds: one file for each foreign system."""
