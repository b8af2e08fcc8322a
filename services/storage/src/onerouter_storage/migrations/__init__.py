"""The shape of the storage database, step by step."""

from onerouter_common.worker.schema import INDEXES

__all__ = ["INDEXES"]
