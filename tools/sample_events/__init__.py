"""Sends the sample events of `events/` to their functions, and checks the answers."""
