"""The base of every record on a topic."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer

from onerouter_common.clock import isoformat

Environment = Literal["test", "live"]
Category = Literal["payments", "sms", "email", "storage"]


def _serialize(moment: datetime) -> str:
    return isoformat(moment)


Moment = Annotated[AwareDatetime, PlainSerializer(_serialize, return_type=str, when_used="json")]
"""An aware UTC time, written to the millisecond with a `Z`."""


class Contract(BaseModel):
    """Frozen; unknown fields are ignored, so that a newer producer may add optional ones. Errors do not quote the record."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    def to_bytes(self) -> bytes:
        return self.__pydantic_serializer__.to_json(self)
