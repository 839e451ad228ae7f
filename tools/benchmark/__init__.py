"""Benchmark: how much one tenant's storm delays other tenants, for four set-ups of the real pipeline.

`load.py` decides when each tenant uploads a document. `setups.py` lists the set-ups, and `run.py` runs them on a
local stack. `measure.py` computes the figures; `table.py` and `page.py` show them.
"""
