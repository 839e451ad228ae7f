"""A local AWS: MiniStack plus extensions for tenant isolation.

Rule: no behaviour that AWS does not have. The package's `README.md` lists every extension with the behaviour of
AWS, its documentation, and the test that fails without the extension.
"""
