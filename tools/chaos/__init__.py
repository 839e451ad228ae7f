"""Chaos: one tenant storms, processes are killed, AWS fails, and messages arrive twice.

`plan.py` decides what happens when, as a pure function of the seed. `run.py` applies the plan to a separate
stack while `watch.py` takes samples. `drain.py` waits until the stack is idle, `stores.py` reads the stores,
and `reconcile.py` accounts for each accepted job. `page.py` draws the result.
"""
