"""A fault proxy between the functions and the local AWS.

Everything passes through unchanged until a rule says otherwise: `rules.py` says which calls a rule
hits, `effects.py` what happens to them, `client.py` is how a test asks for it. A fault is what AWS
itself does on a bad day (an error in the service's own words, a late answer, a lost one), so what
the functions do about it here is what they would do there.
"""
