"""Conformance suites: what every provider of a category must do, run against its own wire."""
