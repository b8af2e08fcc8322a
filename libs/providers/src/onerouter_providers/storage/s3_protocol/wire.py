"""Calls of S3's protocol, and addresses signed for others. botocore makes and signs them, `ProviderHttp` sends.

Three traps, each reproduced (2026-11-21, botocore 1.43): without `s3v4` a client of us-east-1 signs addresses in the form
that R2 and new buckets refuse; the default checksums send `aws-chunked` bodies, which R2 refuses as `Unauthorized`; and
`Expect: 100-continue` is waited for without end where nobody answers it (taken away in `aws_wire.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import structlog

from onerouter_common.errors import OneRouterError, ProviderRefusedUs
from onerouter_providers.aws import Aws, AwsKeys, AwsRefused, AwsUnreadable
from onerouter_providers.http import Admit, ProviderHttp
from onerouter_providers.objects import PresignedRequest
from onerouter_providers.storage.s3_protocol.errors import doubt, refusal
from onerouter_providers.storage.s3_protocol.profile import Profile

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class S3Answer:
    fields: Mapping[str, Any] = field(repr=False)
    """By botocore's names."""
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unmodified:
    """304."""

    headers: Mapping[str, str]


class S3Wire:
    """One connection's. `addressing`: path where the host is not the provider's own (a sandbox has one name)."""

    def __init__(
        self,
        http: ProviderHttp,
        profile: Profile,
        *,
        region: str,
        base_url: str,
        addressing: Literal["virtual", "path"],
        keys: AwsKeys,
    ) -> None:
        self.profile = profile
        self._http = http
        self._aws = Aws(
            http,
            service="s3",
            region=region,
            base_url=base_url,
            keys=keys,
            config={
                "signature_version": "s3v4",
                "s3": {"addressing_style": addressing, "payload_signing_enabled": True},
                "request_checksum_calculation": "when_required",
                "response_checksum_validation": "when_required",
            },
        )

    def __repr__(self) -> str:
        return f"S3Wire({self._aws!r})"

    async def deadline(self) -> float:
        return await self._aws.deadline()

    async def ask(
        self,
        capability: str,
        operation: str,
        params: Mapping[str, Any],
        *,
        effect: bool,
        deadline: float | None = None,
        most_bytes: int | None = None,
        admit: Admit | None = None,
        needs: str | None = None,
    ) -> S3Answer | Unmodified:
        """One call by botocore's name of it. `needs`: what an answer says, or it is none (a proxy's empty 200).

        Raises what `errors.py` makes of it, and AnswerTooLarge (`most_bytes`).
        """
        from onerouter_providers import aws_wire

        until = await self.deadline() if deadline is None else deadline
        call = aws_wire.Call(self._http, capability, effect=effect, deadline=until, most_bytes=most_bytes, admit=admit)
        try:
            answer = await aws_wire.invoke(await self._aws.open(), operation, params, call)
        except AwsRefused as refused:
            raise self._told(capability, refusal(refused, self.profile), refused.code) from None
        except AwsUnreadable as unreadable:
            if unreadable.status == 304:
                return Unmodified(call.headers)
            error = doubt(unreadable, self.profile, effect=effect, retry_after_s=call.retry_after_s)
            raise self._told(capability, error, str(unreadable)) from None
        if needs is not None and needs not in answer:
            raise self._empty(capability, effect=effect)
        return S3Answer(answer, call.headers, call.content)

    async def call(
        self,
        capability: str,
        operation: str,
        params: Mapping[str, Any],
        *,
        effect: bool,
        deadline: float | None = None,
        most_bytes: int | None = None,
        needs: str | None = None,
    ) -> S3Answer:
        """As `ask`, for what no condition goes with."""
        answer = await self.ask(
            capability, operation, params, effect=effect, deadline=deadline, most_bytes=most_bytes, needs=needs
        )
        if isinstance(answer, Unmodified):
            raise self._empty(capability, effect=effect)
        return answer

    async def sign(
        self,
        operation: str,
        params: Mapping[str, Any],
        *,
        method: Literal["PUT", "GET"],
        expires_in_s: int,
        required_headers: Mapping[str, str],
    ) -> PresignedRequest:
        """An address that holds for `expires_in_s`; the headers that are signed must be exactly `required_headers`."""
        client = await self._aws.open()
        until = datetime.now(UTC) + timedelta(seconds=expires_in_s)
        url: str = await client.generate_presigned_url(operation, Params=dict(params), ExpiresIn=expires_in_s)
        signed = set(parse_qs(urlsplit(url).query)["X-Amz-SignedHeaders"][0].split(";"))
        if signed != {"host", *(name.lower() for name in required_headers)}:
            raise AssertionError(f"{operation} signs {sorted(signed)}")  # the uploader could not know what to send
        return PresignedRequest(method, url, until.replace(microsecond=0), required_headers)

    def _empty(self, capability: str, *, effect: bool) -> OneRouterError:
        return self._told(capability, doubt(AwsUnreadable("empty"), self.profile, effect=effect), "empty")

    def _told(self, capability: str, error: OneRouterError, why: str) -> OneRouterError:
        if isinstance(error, ProviderRefusedUs):
            log.info("storage.call_refused", provider=self.profile.provider, capability=capability, why=why[:60])
        return error
