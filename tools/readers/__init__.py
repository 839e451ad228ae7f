"""Measures how much of real files the deployed reader reads, and writes docs/extraction.md: `make readers`."""
