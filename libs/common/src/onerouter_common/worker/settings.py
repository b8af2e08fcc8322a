"""What every service with a worker is told: its bounds, its circuits, and where its providers are."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Self

from pydantic import AliasChoices, Field, RedisDsn, model_validator

from onerouter_common.settings import Mode, ServiceSettings
from onerouter_common.worker.circuit.circuits import Circuits
from onerouter_common.worker.circuit.redis_shared import RedisCircuits
from onerouter_common.worker.circuit.rule import Rule
from onerouter_common.worker.circuit.shared import Shared
from onerouter_common.worker.duty import Duty
from onerouter_common.worker.pace.pacer import Pacer
from onerouter_common.worker.pace.redis_shared import RedisBuckets
from onerouter_common.worker.runtime import WorkerOptions
from onerouter_common.worker.slots import Bounds


class WorkerSettings(ServiceSettings):
    """The base of the settings of a category's service."""

    provider_base_urls: Mapping[str, str] = Field(
        default_factory=dict,
        validation_alias=AliasChoices("ONEROUTER_PROVIDER_BASE_URLS", "provider_base_urls"),
        description='Other addresses of providers, a sandbox\'s: JSON {"razorpay": "http://127.0.0.1:8090/razorpay"}.',
    )
    in_flight: int = Field(1_000, ge=1, description="Most operations this process executes at once.")
    in_flight_per_tenant: int = Field(
        400, ge=1, description="Most of them of one tenant, so that none starves another."
    )
    lease_ttl_s: float = Field(
        10.0, ge=2, le=300, description="A process that said nothing for so long is dead: others take its work over."
    )
    provider_timeout_s: float | None = Field(
        None,
        gt=0,
        le=300,
        description="Longest wait for a provider, where its own limit (from its manifest) is longer. Absent: its own.",
    )
    provider_absence_s: float | None = Field(
        None,
        ge=0,
        le=86_400,
        description="Longest wait before a provider's word that it has nothing of a call without an answer is believed. For "
        "providers that are never behind, as the sandbox is; at others it makes things happen twice. Absent: each its own.",
    )
    redis_url: RedisDsn | None = Field(
        None,
        validation_alias=AliasChoices("REDIS_URL", "redis_url"),
        description="Valkey or Redis, one primary (no Redis Cluster), through which workers tell each other of connections "
        "whose calls fail, and share how fast each may be used; never the truth. Absent: each goes by what it sees itself.",
    )
    redis_timeout_s: float = Field(
        0.15, gt=0, le=5, description="Longest wait for Redis before this worker goes by what it sees itself."
    )
    circuit_failures: int = Field(
        5,
        ge=1,
        description="So many calls in a row that were not reached or not answered open a connection's circuit: nothing new "
        "is sent there for a while. Declines and refused requests never do.",
    )
    circuit_failure_ratio: float = Field(
        0.5, gt=0, le=1, description="So large a share of them opens it, too, once there were enough calls."
    )
    circuit_least_calls: int = Field(20, ge=1, description="How many calls are enough for that.")
    circuit_window_s: float = Field(
        30.0, gt=0, description="Half-life of what counts for the share: a call this old counts half."
    )
    circuit_throttled_s: float = Field(
        60.0, gt=0, description="A connection that only throttles for so long, or says it will, is left alone, too."
    )
    circuit_open_s: float = Field(
        5.0, gt=0, description="How long a circuit stays open the first time; twice as long after each failed probe."
    )
    circuit_open_most_s: float = Field(60.0, gt=0, description="The longest it stays open.")
    circuit_probes: int = Field(
        3,
        ge=1,
        description="Operations that are then let through at a time, by all workers together; so many answers close it.",
    )
    circuit_ask_every_s: float = Field(
        1.0,
        ge=0,
        description="How often a worker asks a connection whose circuit is open about calls of unknown outcome.",
    )
    duty: Duty = Field(
        Duty.ALL,
        description="Which part of the work this process does: `urgent` is commands and what somebody waits for, "
        "`background` bulk, callbacks and polling, so that neither takes time of the other; it runs at nice 10. Where some "
        "processes do one part, others must do the other.",
    )
    pace_on: bool = Field(
        True,
        description="Keep to how many messages a second a connection takes (its own setting, or its provider's manifest). "
        "Off: they are sent as they come, and what the provider throttles is tried again.",
    )
    pace_workers: int = Field(
        2,
        ge=1,
        le=1_000,
        description="How many workers of this service run: while Redis is away, or absent, each keeps to such a part of a "
        "connection's pace.",
    )
    stuck_after_s: float = Field(
        900.0,
        gt=0,
        description="An operation that is still executing, retrying or unknown so long after it should have begun is told "
        "of, once: the tenant by the event operation.stuck, operators by the log and a metric.",
    )
    retention_days: int = Field(
        400,
        ge=31,
        description="How long operations and their idempotency keys are kept; dropped by whole months. At least 31, "
        "because a key is promised to be remembered for 30 days.",
    )

    def worker_options(self) -> WorkerOptions:
        return WorkerOptions(
            duty=self.duty,
            bounds=Bounds(worker=self.in_flight, tenant=self.in_flight_per_tenant),
            lease_ttl_s=self.lease_ttl_s,
            drain_timeout_s=self.drain_timeout_s,
            session_timeout_s=self.kafka_session_timeout_s,
            retention_days=self.retention_days,
            stuck_after_s=self.stuck_after_s,
        )

    async def open_circuits(self, stack: AsyncExitStack, *, category: str) -> Circuits:
        """`category` names them, in metrics and in Redis."""
        shared: Shared | None = None
        if self.redis_url is not None:
            redis = RedisCircuits(str(self.redis_url), category=category, timeout_s=self.redis_timeout_s)
            shared = await stack.enter_async_context(redis)
        return Circuits(self.circuit_rule(), shared, category=category, ask_every_s=self.circuit_ask_every_s)

    def circuit_rule(self) -> Rule:
        return Rule(
            consecutive=self.circuit_failures,
            ratio=self.circuit_failure_ratio,
            least=self.circuit_least_calls,
            window_s=self.circuit_window_s,
            throttled_s=self.circuit_throttled_s,
            open_s=self.circuit_open_s,
            open_most_s=self.circuit_open_most_s,
            probes=self.circuit_probes,
        )

    async def open_pacer(self, stack: AsyncExitStack, *, category: str) -> Pacer | None:
        """`category` names it in metrics. None: connections are used as fast as operations come."""
        if not self.pace_on:
            return None
        shared: RedisBuckets | None = None
        if self.redis_url is not None:
            redis = RedisBuckets(str(self.redis_url), timeout_s=self.redis_timeout_s)
            shared = await stack.enter_async_context(redis)
        return Pacer(shared, category=category, parts=self.pace_workers)

    @model_validator(mode="after")
    def _circuits_open_for_some_time(self) -> Self:
        if self.circuit_open_most_s < self.circuit_open_s:
            raise ValueError("circuit_open_most_s must not be less than circuit_open_s")
        return self

    @model_validator(mode="after")
    def _credentials_travel_by_https(self) -> Self:
        plain = [name for name, url in self.provider_base_urls.items() if not url.lower().startswith("https://")]
        if plain and self.mode is not Mode.LOCAL:
            raise ValueError(
                f"the address for {', '.join(sorted(plain))} must start with https://: tenants' credentials are sent there "
                "(mode local allows others)"
            )
        return self
