"""Entries of a keyring: what wraps data keys. A local key does it here, a KMS's key there.

A wrapped data key is `v1.<entry's id>.<nonce>.<ciphertext>` or, of a KMS, `kms1.<entry's id>.<what the KMS returned>`.
"""

import asyncio
import base64
import binascii
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NoReturn, Protocol, Self
from urllib.parse import quote

from onerouter_common.secrets.kms import Kms
from onerouter_common.secrets.sealing import (
    KEY_BYTES,
    DataKey,
    SecretUnopenable,
    decrypt,
    encrypt,
    from_base64,
    parse,
    to_base64,
)

AWS_KMS: Final = "aws-kms:"
_KMS_VERSION: Final = "kms1"
_KMS_KEY: Final = re.compile(r"[0-9A-Za-z:/_.-]{1,2048}")
_TTL_S: Final = 300.0
_REMEMBERED: Final = 4_096

_Wrapped = tuple[str, str, tuple[str, ...]]
"""(data key id, wrapped, bound to)."""


class KeyEncryptionKey(Protocol):
    """One entry of a keyring."""

    @property
    def id(self) -> str: ...

    @property
    def identity(self) -> object:
        """Equal for two entries that are the same key, whatever their ids."""
        ...

    async def wrap(self, data_key: DataKey, bound_to: tuple[str, ...]) -> str:
        """Raises Overloaded when the key cannot be used right now."""
        ...

    async def unwrap(self, data_key_id: str, wrapped: str, bound_to: tuple[str, ...]) -> DataKey:
        """Raises SecretUnopenable, and Overloaded when the key cannot be used right now."""
        ...


class LocalKey:
    """32 bytes from the environment."""

    def __init__(self, id: str, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"key '{id}' must have {KEY_BYTES} bytes, not {len(key)}")
        self.id = id
        self._key = key

    @classmethod
    def parse(cls, id: str, encoded: str) -> Self:
        """Raises ValueError that names the id, not the content."""
        try:
            return cls(id, base64.b64decode(encoded, validate=True))
        except binascii.Error:
            raise ValueError(f"key '{id}' is not valid base64") from None

    def __repr__(self) -> str:
        return f"LocalKey(id={self.id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key lives in memory only: it cannot be pickled or copied")

    @property
    def identity(self) -> object:
        return self._key

    def wrap_now(self, data_key: DataKey, bound_to: tuple[str, ...]) -> str:
        return encrypt(self.id, self._key, data_key._key, (*bound_to, data_key.id))

    async def wrap(self, data_key: DataKey, bound_to: tuple[str, ...]) -> str:
        return self.wrap_now(data_key, bound_to)

    async def unwrap(self, data_key_id: str, wrapped: str, bound_to: tuple[str, ...]) -> DataKey:
        _, nonce, ciphertext = parse(wrapped)
        return DataKey(data_key_id, decrypt(self._key, nonce, ciphertext, (*bound_to, data_key_id)))


class KmsKey:
    """A key that a KMS keeps. What it unwrapped is remembered for a while: a question costs milliseconds and money.

    Concurrent questions about one data key are one question. `kms` is None where a ring is only checked.
    """

    def __init__(
        self,
        id: str,
        key: str,
        kms: Kms | None,
        *,
        ttl_s: float = _TTL_S,
        remembered: int = _REMEMBERED,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if _KMS_KEY.fullmatch(key) is None:
            raise ValueError(f"key '{id}' does not name a KMS key: a key id, alias/… or an ARN is expected")
        self.id = id
        self._key = key
        self._kms = kms
        self._ttl_s = ttl_s
        self._most = remembered
        self._now = monotonic
        self._known: OrderedDict[_Wrapped, tuple[float, DataKey]] = OrderedDict()
        self._asking: dict[_Wrapped, asyncio.Task[DataKey]] = {}

    def __repr__(self) -> str:
        return f"KmsKey(id={self.id!r}, key={self._key!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key lives in memory only: it cannot be pickled or copied")

    @property
    def identity(self) -> object:
        return AWS_KMS, self._key

    async def wrap(self, data_key: DataKey, bound_to: tuple[str, ...]) -> str:
        blob = await self._service().encrypt(self._key, data_key._key, context_of(data_key.id, bound_to))
        wrapped = ".".join((_KMS_VERSION, self.id, to_base64(blob)))
        self._remember((data_key.id, wrapped, bound_to), data_key)
        return wrapped

    async def unwrap(self, data_key_id: str, wrapped: str, bound_to: tuple[str, ...]) -> DataKey:
        question = (data_key_id, wrapped, bound_to)
        known = self._known.get(question)
        if known is not None and self._now() < known[0]:
            self._known.move_to_end(question)
            return known[1]
        task = self._asking.get(question)
        if task is None:
            task = self._asking[question] = asyncio.create_task(self._ask(question), name="unwrap-data-key")
            task.add_done_callback(lambda done: self._answered(question, done))
        # Shielded: the answer is everybody's who waits for it, so nobody's cancellation ends it.
        return await asyncio.shield(task)

    async def _ask(self, question: _Wrapped) -> DataKey:
        data_key_id, wrapped, bound_to = question
        blob = _blob_of(wrapped)
        raw = await self._service().decrypt(self._key, blob, context_of(data_key_id, bound_to))
        if len(raw) != KEY_BYTES:
            raise SecretUnopenable("the KMS returned something that is no data key")
        return DataKey(data_key_id, raw)

    def _answered(self, question: _Wrapped, done: "asyncio.Task[DataKey]") -> None:
        self._asking.pop(question, None)
        if not done.cancelled() and done.exception() is None:
            self._remember(question, done.result())

    def _remember(self, question: _Wrapped, data_key: DataKey) -> None:
        self._known[question] = (self._now() + self._ttl_s, data_key)
        self._known.move_to_end(question)
        while self._known and (len(self._known) > self._most or self._oldest_is_over()):
            self._known.popitem(last=False)

    def _oldest_is_over(self) -> bool:
        return next(iter(self._known.values()))[0] <= self._now()

    def _service(self) -> Kms:
        if self._kms is None:
            raise RuntimeError("this keyring was read to be checked, without a KMS")
        return self._kms


def parse_entry(id: str, text: str, kms: Kms | None) -> KeyEncryptionKey:
    """`<base64>` or `aws-kms:<key id, alias or ARN>`. Raises ValueError that names the id, not the content."""
    if not id or "." in id:
        raise ValueError("a key id must not be empty or contain a dot")
    return KmsKey(id, text.removeprefix(AWS_KMS), kms) if text.startswith(AWS_KMS) else LocalKey.parse(id, text)


def generate(id: str) -> str:
    """A fresh local key as an entry's text."""
    return f"{id}:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}"


def wrapper_of(wrapped: str) -> str:
    """The id of the entry that wrapped it. Raises SecretUnopenable."""
    if wrapped.startswith(f"{_KMS_VERSION}."):
        _blob_of(wrapped)
        return wrapped.split(".")[1]
    return parse(wrapped)[0]


def context_of(data_key_id: str, bound_to: tuple[str, ...]) -> dict[str, str]:
    """The encryption context: `ten_…/test` and the data key's id. Escaped, so that two bindings never look alike."""
    return {
        "onerouter:bound_to": "/".join(quote(part, safe="") for part in bound_to),
        "onerouter:data_key": data_key_id,
    }


def _blob_of(wrapped: str) -> bytes:
    parts = wrapped.split(".")
    if len(parts) != 3 or parts[0] != _KMS_VERSION:
        raise SecretUnopenable("not wrapped by a KMS")
    try:
        return from_base64(parts[2])
    except ValueError:
        raise SecretUnopenable("not a wrapped data key: bad encoding") from None
