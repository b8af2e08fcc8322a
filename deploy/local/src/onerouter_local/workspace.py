"""Where things are in the checkout this package runs from."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
"""The checkout: the local stack is only ever run from one."""

STATE = ROOT / ".onerouter"
"""Data, secrets and the written environment of the local stack; never committed."""

CACHE = ROOT / ".cache"
"""What can be fetched again."""
