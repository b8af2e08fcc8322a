"""The two channels, as the routes know them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from onerouter_common.ids import EMAIL, SMS
from onerouter_gateway.edge.pan import Screening

ChannelName = Literal["sms", "email"]

_MOST_CHARACTERS: Final = 1 << 20
"""Of all texts of a request: no body without files is larger."""


@dataclass(frozen=True, slots=True)
class Channel:
    name: ChannelName
    """Also the category of its commands, and its first part of the path."""
    prefix: str
    """Of its messages' ids."""
    noun: str
    screening: Screening
    """Of all that is sent to it but bulk sends."""

    @property
    def bulk_screening(self) -> Screening:
        """Each recipient by itself."""
        return replace(self.screening, items="recipients")

    @property
    def read(self) -> str:
        return f"{self.name}:read"

    @property
    def write(self) -> str:
        return f"{self.name}:write"

    @property
    def path(self) -> str:
        return f"/v1/{self.name}"


SMS_CHANNEL: Final = Channel(
    "sms",
    SMS,
    "SMS",
    Screening(
        most_characters=_MOST_CHARACTERS, numbers=frozenset({"to", "from", "from_number", "fromNumber", "address"})
    ),
)
EMAIL_CHANNEL: Final = Channel("email", EMAIL, "email", Screening(most_characters=_MOST_CHARACTERS, files=True))
CHANNELS: Final[Mapping[str, Channel]] = {channel.name: channel for channel in (SMS_CHANNEL, EMAIL_CHANNEL)}
