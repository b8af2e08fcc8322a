"""One line for each operation that ended. Topic `operations.v1`, key: the tenant id. For analytics and audit."""

from typing import Literal

from onerouter_common.contracts.base import Category, Contract, Environment, Moment


class OperationRecord(Contract):
    operation_id: str
    operation: str
    tenant_id: str
    environment: Environment
    category: Category
    resource_id: str
    state: Literal["succeeded", "failed", "canceled"]
    provider: str | None
    connection_id: str | None
    api_key_id: str
    attempts: int
    error_code: str | None = None
    accepted_at: Moment
    finished_at: Moment
    provider_ms: float
