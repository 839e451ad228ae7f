"""What one tenant's storm costs its neighbours: measured on the real pipeline, for four set-ups.

`load.py` says when which tenant hands in a document, `setups.py` what is compared, `run.py` does it on
a local stack, `measure.py` makes numbers of what was seen, `table.py` and `page.py` show them.
"""
