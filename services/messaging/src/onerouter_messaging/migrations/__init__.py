"""The shape of the messaging database, step by step."""

from onerouter_common.worker.schema import INDEXES

__all__ = ["INDEXES"]
