"""Mutants: each boundary is removed, one at a time, and a test must fail.

    python -m tools.mutants [--fast] [--list] [NAME …]

A test that never failed proves nothing. `catalogue.py` lists the mutants. `workspace.py` prepares a copy of the
source tree, and `verdict.py` runs the tests that must fail. `run.py` runs all mutants and prints the results.
"""
