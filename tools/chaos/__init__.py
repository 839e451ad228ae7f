"""The product on its worst day: one tenant storms, processes die, AWS stumbles, messages come twice.

`plan.py` says what is done and when, a pure function of the seed; `run.py` does it to a stack of its own
while `watch.py` looks on; `settle.py` lets the dust settle; `stores.py` reads what is left, and
`reconcile.py` says what became of each job that was accepted. `page.py` draws it.
"""
