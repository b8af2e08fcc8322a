"""The shape of the payments database, step by step."""

from onerouter_common.worker.schema import INDEXES

__all__ = ["INDEXES"]
