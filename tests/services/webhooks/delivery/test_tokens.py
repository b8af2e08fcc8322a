"""How long a token is used: no longer than its server says, which counts from before its answer is there."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from onerouter_webhooks.delivery.tokens import TokenRefused, Tokens
from onerouter_webhooks.delivery.transport import Answer
from onerouter_webhooks.endpoint.auth import OAuth2Auth

AUTH = OAuth2Auth(
    type="oauth2_client_credentials",
    token_url="https://login.example.com/token",
    client_id="we",
    client_secret=SecretStr("hush"),
)


class SlowServer:
    """Gives a token at once, and takes so long until its answer has come."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.answer_s = 0.0
        self.asked = 0

    async def post(self, *_: Any, **__: Any) -> Answer:
        self.asked += 1
        self.now += self.answer_s
        given = {"access_token": f"token-{self.asked}", "token_type": "Bearer", "expires_in": 10}
        return Answer(200, None, 1, {}, json.dumps(given).encode())


@pytest.fixture
def server() -> SlowServer:
    return SlowServer()


@pytest.fixture
def tokens(server: SlowServer) -> Tokens:
    return Tokens(server, time=lambda: server.now)  # type: ignore[arg-type]  # of a transport what is asked of it


async def test_the_time_of_the_answer_counts(server: SlowServer, tokens: Tokens) -> None:
    server.answer_s = 4.0
    assert (await tokens.get("a", AUTH)).get_secret_value() == "token-1"
    server.now = 1_000.0 + 9.5 + 0.1  # the last twentieth is for what is on its way
    assert (await tokens.get("a", AUTH)).get_secret_value() == "token-2"


async def test_one_that_comes_too_late_is_not_used_and_that_is_said(server: SlowServer, tokens: Tokens) -> None:
    server.answer_s = 9.8
    with pytest.raises(TokenRefused, match="no longer good when it came"):
        await tokens.get("a", AUTH)
    server.answer_s = 0.0
    assert (await tokens.get("a", AUTH)).get_secret_value() == "token-2"
