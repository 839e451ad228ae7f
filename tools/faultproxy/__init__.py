"""A fault proxy between the functions and the local AWS.

The proxy passes every call unchanged unless a rule matches it. `rules.py` selects calls, `effects.py` defines the
faults, and tests set rules through `client.py`. A fault looks like a fault of AWS: an error in the service's
format, a late answer or a lost answer.
"""
