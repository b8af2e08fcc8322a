"""Bodies of the internal API of recoveries."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from onerouter_common.contracts.base import Moment
from onerouter_common.reads.asked import Moment as AskedMoment
from onerouter_webhooks.event.matching import is_pattern
from onerouter_webhooks.recovery.model import What


class StartRecovery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: AskedMoment = Field(description="Of what was made at this moment or later.")
    until: AskedMoment | None = Field(None, description="And before this moment; absent: up to now.")
    what: What = Field(
        "failed",
        description="`failed`: deliveries whose every attempt failed. `all`: every event of the period that the endpoint "
        "wants, whether it was delivered or not.",
    )
    types: list[str] | None = Field(None, min_length=1, max_length=100, description="Only events of these types.")

    @field_validator("types")
    @classmethod
    def _are_patterns(cls, value: list[str] | None) -> list[str] | None:
        wrong = next((one for one in value or () if not is_pattern(one)), None)
        if wrong is not None:
            raise ValueError(f"'{wrong[:100]}' is not an event type such as payment.succeeded or payment.*")
        return None if value is None else list(dict.fromkeys(value))


class Recovery(BaseModel):
    id: str
    object: Literal["recovery"] = "recovery"
    endpoint_id: str
    what: What
    since: Moment
    until: Moment
    types: list[str] | None
    status: Literal["running", "finished", "canceled"]
    progress: float = Field(description="From 0 to 1, by time.")
    looked_at: int = Field(description="Deliveries or events of the period so far.")
    queued: int = Field(description="Of these, put on their way.")
    skipped: int = Field(description="Of these, left: taken meanwhile, or on their way already.")
    created_at: Moment
    finished_at: Moment | None


class RecoveryList(BaseModel):
    data: list[Recovery]
    has_more: bool
    next_cursor: str | None
