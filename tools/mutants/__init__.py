"""Mutants: each boundary is broken on purpose, one at a time, and a test has to notice.

    python -m tools.mutants [--fast] [--list] [NAME …]

A test that has never been seen red proves nothing. `catalogue.py` names the breaks, `ground.py` is the
copy of the tree on which they are made, `verdict.py` runs the tests that should notice and says which did,
`run.py` goes through them and shows it.
"""
