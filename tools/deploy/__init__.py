"""Tools for deployments: packages, expanded templates, capacity planning."""
