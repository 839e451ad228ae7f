"""Checks of the project's texts."""
