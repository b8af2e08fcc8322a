"""What came, as it lies in the database: headers and body under a data key of the tenant and environment.

The service's own keyring wraps that key, as it does for the signing secrets of endpoints. A tenant that is deleted takes its
keys along, and nothing that was kept of it opens any more.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, Protocol

import orjson
from pydantic import SecretStr

from onerouter_common.secrets import DataKey, KeyRing, SecretUnopenable, data_key_of, data_key_of_bytes
from onerouter_webhooks.callback.reading import clean_text

_REMEMBERED: Final = 10_000
_HEADERS_LIMIT: Final = 8 * 1024
_LENGTH_BYTES: Final = 4
_NOT_KEPT: Final = frozenset({"authorization", "cookie", "host", "connection", "proxy-authorization"})

Owner = tuple[str, str]
"""Tenant and environment."""


class StoredKeys(Protocol):
    """Where wrapped data keys are. All raise what the database does."""

    async def newest(self, owner: Owner) -> tuple[str, str] | None:
        """Id and wrapped key."""
        ...

    async def find(self, owner: Owner, key_id: str) -> str | None: ...

    async def add(self, owner: Owner, key_id: str, wrapped: str) -> None: ...


class Sealing:
    """Remembers wrapped keys, so that no callback waits for the database before it is stored; opens one for each use.

    Methods raise Overloaded while a KMS is away, and what the database raises.
    """

    def __init__(self, keys: StoredKeys, keyring: KeyRing) -> None:
        self._keys = keys
        self._keyring = keyring
        self._newest: OrderedDict[Owner, tuple[str, str]] = OrderedDict()
        self._asking: dict[Owner, asyncio.Task[tuple[str, str]]] = {}

    async def seal(self, owner: Owner, id: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """`id` is the callback's: moved to another row it does not open."""
        told = orjson.dumps(_headers_to_keep(headers))
        whole = len(told).to_bytes(_LENGTH_BYTES, "big") + told + body
        return (await self._key(owner)).seal_bytes(whole, bound_to=(owner[0], id))

    async def open(self, owner: Owner, id: str, sealed: bytes) -> tuple[dict[str, str], bytes]:
        """Headers and body. Raises SecretUnopenable."""
        data_key = await self._find(owner, data_key_of_bytes(sealed))
        whole = data_key.open_bytes(sealed, bound_to=(owner[0], id))
        end = _LENGTH_BYTES + int.from_bytes(whole[:_LENGTH_BYTES], "big")
        return orjson.loads(whole[_LENGTH_BYTES:end]), whole[end:]

    async def seal_token(self, owner: Owner, id: str, token: SecretStr) -> str:
        return (await self._key(owner)).seal(token, bound_to=_token_of(owner, id))

    async def open_token(self, owner: Owner, id: str, sealed: str) -> SecretStr:
        """Raises SecretUnopenable."""
        return (await self._find(owner, data_key_of(sealed))).open(sealed, bound_to=_token_of(owner, id))

    async def _key(self, owner: Owner) -> DataKey:
        known = self._newest.get(owner)
        if known is None:
            known = await self._ask_once(owner)
        else:
            self._newest.move_to_end(owner)
        return await self._keyring.open_data_key(*known, bound_to=owner)

    async def _ask_once(self, owner: Owner) -> tuple[str, str]:
        """Many first callbacks at once make one key."""
        task = self._asking.get(owner)
        if task is None:
            task = self._asking[owner] = asyncio.create_task(self._find_or_make(owner), name="callback-data-key")
            task.add_done_callback(lambda done: self._asked(owner, done))
        return await asyncio.shield(task)

    async def _find_or_make(self, owner: Owner) -> tuple[str, str]:
        known = await self._keys.newest(owner)
        if known is None:
            data_key, wrapped = await self._keyring.new_data_key(bound_to=owner)
            await self._keys.add(owner, data_key.id, wrapped)
            known = (data_key.id, wrapped)
        self._newest[owner] = known
        if len(self._newest) > _REMEMBERED:
            self._newest.popitem(last=False)
        return known

    def _asked(self, owner: Owner, done: "asyncio.Task[tuple[str, str]]") -> None:
        self._asking.pop(owner, None)
        if not done.cancelled():
            done.exception()  # whoever asked may have given up by now

    async def _find(self, owner: Owner, key_id: str) -> DataKey:
        known = self._newest.get(owner)
        wrapped = known[1] if known is not None and known[0] == key_id else await self._keys.find(owner, key_id)
        if wrapped is None:
            raise SecretUnopenable(f"data key {key_id} is gone")
        return await self._keyring.open_data_key(key_id, wrapped, bound_to=owner)


def _token_of(owner: Owner, id: str) -> tuple[str, ...]:
    return (owner[0], id, "token")


def _headers_to_keep(headers: Mapping[str, str]) -> dict[str, str]:
    """What a later replay may need, bounded; the first ones come first."""
    kept: dict[str, str] = {}
    size = 0
    for name, value in headers.items():
        size += len(name) + len(value)
        if name.lower() not in _NOT_KEPT and size <= _HEADERS_LIMIT:
            kept[name.lower()] = clean_text(value)
    return kept
