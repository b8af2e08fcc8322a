"""Stateful simulators of the providers' own wire protocols, with faults on demand and a ledger of effects.

It shares no code with the rest of the product on purpose: a mistake in a shared library must not make client and
simulator agree with each other.
"""
