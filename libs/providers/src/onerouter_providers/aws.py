"""AWS through our policy: aiobotocore makes, signs and reads; `ProviderHttp` sends, within its deadline and once.

botocore's own retries are off, for they repeat sends that are not idempotent; its own HTTP client is never used, so that
what a fault means is told as for every provider. Nothing is taken from the environment or from files in a home directory.
botocore is imported when a client is first opened (`aws_wire.py`): it takes a third of a second, and most processes load
every provider and call none of AWS.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import SecretStr

from onerouter_common.errors import ProviderError
from onerouter_providers import message_errors
from onerouter_providers.http import ProviderHttp

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """Of one connection. `session_token`: of temporary credentials only."""

    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr | None = None

    @classmethod
    def of(cls, credentials: Mapping[str, SecretStr]) -> "AwsKeys":
        """By the field names that all our AWS manifests share."""
        token = credentials.get("session_token")
        return cls(
            credentials["access_key_id"].get_secret_value(),
            credentials["secret_access_key"],
            token if token is not None and token.get_secret_value() else None,
        )


class AwsRefused(Exception):
    """AWS answered 4xx: its word on the request, for the service's own table."""

    def __init__(
        self, code: str, message: str, *, status: int, retry_after_s: float | None, request_id: str | None
    ) -> None:
        super().__init__(code)  # the message may quote the request
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s
        self.request_id = request_id


class AwsUnreadable(Exception):
    """No answer that says what was done: a 5xx, or one that botocore cannot read; or, not sent, botocore gave up before."""

    def __init__(self, why: str, *, status: int | None = None, was_sent: bool = True, code: str = "") -> None:
        super().__init__(why)
        self.status = status
        self.was_sent = was_sent
        self.code = code
        """The service's own, where it gave one."""


class Aws:
    """One service of AWS in one region for one connection. botocore's client is made when it is first needed."""

    def __init__(
        self,
        http: ProviderHttp,
        *,
        service: str,
        region: str,
        base_url: str,
        keys: AwsKeys,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """`config`: botocore's of this service, beside what holds for all."""
        self._http = http
        self._service = service
        self._region = region
        self._base_url = base_url
        self._keys = keys
        self._config = config or {}
        self._client: Any = None
        self._opening = asyncio.Lock()

    def __repr__(self) -> str:
        return f"Aws(service={self._service!r}, region={self._region!r})"

    async def deadline(self) -> float:
        """Opens the client first: that is nothing the provider may be blamed for."""
        await self.open()
        return self._http.deadline()

    async def call(
        self, capability: str, operation: str, params: Mapping[str, Any], *, effect: bool, deadline: float
    ) -> Mapping[str, Any]:
        """One operation by botocore's name of it (`publish`), and its answer without AWS's own metadata.

        Raises AwsRefused for a 4xx, InvalidRequest for what botocore's model of the service does not allow (nothing is
        sent), and ProviderUnavailable or ProviderOutcomeUnknown for everything else.
        """
        from onerouter_providers import aws_wire

        client = await self.open()
        call = aws_wire.Call(self._http, capability, effect=effect, deadline=deadline)
        try:
            return await aws_wire.invoke(client, operation, params, call)
        except AwsUnreadable as error:
            log.info("aws.call_failed", provider=self._http.provider, capability=capability, why=str(error))
            raise self._doubt(effect=effect and error.was_sent, status=error.status) from None

    async def open(self) -> Any:
        """botocore's client; it sends only within `aws_wire.invoke`."""
        if self._client is None:
            from onerouter_providers import aws_wire

            async with self._opening:
                if self._client is None:
                    self._client = await aws_wire.open_client(
                        self._service, self._region, self._base_url, self._keys, self._config
                    )
        return self._client

    def _doubt(self, *, effect: bool, status: int | None) -> ProviderError:
        return message_errors.refusal(
            "indeterminate" if effect else "provider_unavailable",
            provider=self._http.provider,
            display_name=self._http.display_name,
            effect=effect,
            http_status_seen=status,
        )
