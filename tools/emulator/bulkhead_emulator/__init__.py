"""The local AWS of this project: MiniStack plus what tenant isolation needs and MiniStack lacks.

Rule: no behaviour that AWS does not have. `README.md` beside this file lists every extension, what
AWS does, where that is documented, and the test that fails without it.
"""
