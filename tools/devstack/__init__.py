"""A stack on this machine: start, deploy, onboard, call and stop it."""
