"""AWS accounts, as far as SES knows them: an access key, who may send to whom, and where the events go."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl


class Account(BaseModel):
    """One access key in one region, as registered by `POST /control/ses/accounts`. Requests must name it; signatures are
    not recomputed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_key_id: str = Field(pattern=r"^(AKIA|ASIA)[A-Z0-9]{12,124}$")
    region: str = Field("us-east-1", pattern=r"^[a-z]{2}(-[a-z]{2,12}){1,2}-[0-9]{1,2}$")
    identities: tuple[str, ...] | None = Field(
        None, description="Verified domains and addresses. Unset: everybody's is verified."
    )
    production_access: bool = Field(True, description="Without it only verified recipients are written to.")
    sending_enabled: bool = True
    suspended: bool = False
    may_read_account: bool = Field(True, description="Whether its policy allows GetAccount.")
    max_send_rate: int | None = Field(None, ge=1, description="Recipients a second. Unset: no bound.")
    max_24_hour_send: int | None = Field(None, ge=0, description="Recipients a day. Unset: no bound.")
    suppressed: tuple[str, ...] = Field((), description="Addresses on the account's suppression list.")
    configuration_set: str = Field(
        "onerouter", description="The only one; events are published for mail that names it."
    )
    topic_arn: str = "arn:aws:sns:us-east-1:123456789012:onerouter-ses"
    webhook_url: HttpUrl | None = Field(None, description="What is subscribed to the topic.")
    subscription: Literal["confirmed", "pending"] = Field(
        "confirmed", description="pending: events are published once the subscription has been confirmed."
    )
    signature_version: Literal["1", "2"] = "2"
    delivery: Literal["automatic", "manual"] = Field(
        "automatic", description="manual: mail stays sent until its fate is decided by the control API."
    )
    delivery_delay_s: float = Field(0.05, ge=0, le=3_600, description="By the account's own clock.")

    @property
    def callback_url(self) -> str | None:
        return None if self.webhook_url is None else str(self.webhook_url)

    def is_verified(self, address: str) -> bool:
        """Whether mail may come from this address, or go to it without production access."""
        if self.identities is None:
            return True
        domain = address.rpartition("@")[2].lower()
        return any(
            identity.lower() in (address.lower(), domain) or domain.endswith(f".{identity.lower()}")
            for identity in self.identities
        )

    def record(self) -> dict[str, Any]:
        return self.model_dump(mode="json")
