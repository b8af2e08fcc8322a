"""Key-encryption keys that live outside: the interface, and AWS KMS.

The key never leaves the KMS; we send it a data key to encrypt or decrypt, together with a context that says whose it is.
The context is authenticated: the KMS refuses a data key that was moved to another tenant, and writes the context into its
own log. Who may use a key is decided there, by AWS's own permissions (`kms:Encrypt`, `kms:Decrypt`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import structlog

from onerouter_common.errors import Overloaded
from onerouter_common.secrets.sealing import SecretUnopenable

log = structlog.get_logger()

_RETRY_AFTER_S: Final = 5.0
_TRIES: Final = 3
_NOT_OURS: Final = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
"""What AWS says of a ciphertext that was changed, moved, or made by another key."""
_GONE: Final = "NotFoundException"


class Kms(Protocol):
    """Encrypts small values under keys that it keeps. Who calls: a keyring, for data keys."""

    async def encrypt(self, key: str, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Raises Overloaded when it cannot be asked or refuses to use the key."""
        ...

    async def decrypt(self, key: str, ciphertext: bytes, context: Mapping[str, str]) -> bytes:
        """Raises SecretUnopenable when this key and context did not make this ciphertext, or the key is gone for good;
        Overloaded when it cannot be asked, or refuses to use a key it has.
        """
        ...


@dataclass(frozen=True, slots=True)
class KmsOptions:
    """Where AWS KMS is. Credentials come from AWS's usual chain (environment, web identity, instance)."""

    region: str | None = None
    endpoint_url: str | None = None
    timeout_s: float = 3.0
    """One question with all its tries."""


class AwsKms:
    """AWS KMS. An asynchronous context manager; one a process. Its client is made when it is first asked."""

    def __init__(self, options: KmsOptions) -> None:
        self._options = options
        self._opened: Any = None
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def encrypt(self, key: str, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """`key` is a key id, an alias (`alias/…`) or an ARN."""
        async with self._asking(key) as client:
            answer = await _refusals_of_keys(
                client.encrypt(KeyId=key, Plaintext=plaintext, EncryptionContext=dict(context)), key
            )
            return bytes(answer["CiphertextBlob"])

    async def decrypt(self, key: str, ciphertext: bytes, context: Mapping[str, str]) -> bytes:
        async with self._asking(key) as client:
            answer = await _refusals_of_ciphertexts(
                client.decrypt(KeyId=key, CiphertextBlob=ciphertext, EncryptionContext=dict(context)), key
            )
            return bytes(answer["Plaintext"])

    @asynccontextmanager
    async def _asking(self, key: str) -> AsyncIterator[Any]:
        """The client, within the deadline. That it cannot be asked becomes Overloaded."""
        from botocore.exceptions import BotoCoreError

        try:
            async with asyncio.timeout(self._options.timeout_s):
                yield await self._client()
        except (BotoCoreError, OSError, TimeoutError) as error:
            log.warning("kms.away", kms_key=key, error=type(error).__name__)
            raise Overloaded("The key service cannot be asked right now.", retry_after_s=_RETRY_AFTER_S) from error

    async def _client(self) -> Any:
        async with self._opening:
            if self._opened is None:
                self._opened = await self._stack.enter_async_context(self._new_client())
        return self._opened

    def _new_client(self) -> Any:
        # Half a second of imports that only an installation with a KMS pays.
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session

        per_try_s = self._options.timeout_s / 2
        return get_session().create_client(
            "kms",
            region_name=self._options.region,
            endpoint_url=self._options.endpoint_url,
            config=AioConfig(
                connect_timeout=per_try_s,
                read_timeout=per_try_s,
                retries={"mode": "standard", "total_max_attempts": _TRIES},
                max_pool_connections=20,
            ),
        )


async def _refusals_of_ciphertexts(asking: Awaitable[Any], key: str) -> Any:
    """What a refused Decrypt means for whoever holds the ciphertext."""
    from botocore.exceptions import ClientError

    try:
        return await _refusals_of_keys(asking, key, but_not=_NOT_OURS | {_GONE})
    except ClientError as error:
        if _code_of(error) == _GONE:
            raise SecretUnopenable(f"wrapped by the KMS key {key}, which does not exist") from None
        raise SecretUnopenable("changed, or wrapped for another place or by another KMS key") from None


async def _refusals_of_keys(asking: Awaitable[Any], key: str, but_not: frozenset[str] = frozenset()) -> Any:
    """A key that is disabled, or that we may not use: an operator's business. It may be mended, so nothing is lost."""
    from botocore.exceptions import ClientError

    try:
        return await asking
    except ClientError as error:
        if _code_of(error) in but_not:
            raise
        log.error("kms.refused", kms_key=key, code=_code_of(error))  # noqa: TRY400 - the traceback holds the request
        raise Overloaded(
            "The key service refuses right now; operators are told.", retry_after_s=_RETRY_AFTER_S
        ) from None


def _code_of(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
