"""This release."""

__version__ = "3.0.0"
