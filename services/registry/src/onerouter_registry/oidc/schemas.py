"""What the sign-in endpoints of issuers take and give."""

from pydantic import BaseModel, ConfigDict, Field

from onerouter_registry.person.fields import Password


class LinkRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"return_to": "/settings/account"}]})

    return_to: str = Field("/", max_length=512, description="A path of this site, where the browser comes back to.")
    password: Password | None = Field(None, description="Needed more than 15 minutes after signing in.")


class LinkAnswer(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"authorization_url": "https://accounts.example.com/authorize?client_id=…"}]}
    )

    authorization_url: str = Field(description="Where to send the browser now.")
