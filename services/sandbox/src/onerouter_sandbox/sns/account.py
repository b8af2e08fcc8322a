"""AWS accounts, as far as SNS knows them: an access key, and how SMS fare."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Account(BaseModel):
    """One access key, as registered by `POST /control/sns/accounts`. Requests must name it; signatures are not recomputed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_key_id: str = Field(pattern=r"^(AKIA|ASIA)[A-Z0-9]{12,124}$")
    region: str = Field("us-east-1", pattern=r"^[a-z]{2}(-[a-z]{2,12}){1,2}-[0-9]{1,2}$")
    opted_out: tuple[str, ...] = ()
    may_ask_opt_outs: bool = Field(True, description="Whether its policy allows CheckIfPhoneNumberIsOptedOut.")
    in_sms_sandbox: bool = Field(False, description="Whether only verified numbers may be written to.")
    verified: tuple[str, ...] = ()
    messages_per_s: int | None = Field(None, ge=1, description="More are answered with Throttled. Unset: no bound.")
    spend_limit_messages: int | None = Field(
        None, ge=0, description="After so many, messages are taken and not sent, as past AWS's spend limit."
    )

    def record(self) -> dict[str, Any]:
        return self.model_dump(mode="json")
