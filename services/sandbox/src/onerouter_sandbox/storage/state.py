"""What a provider of storage remembers: access keys, objects, uploads in parts."""

import base64
import bisect
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.storage.account import Account


@dataclass(slots=True)
class StoredObject:
    """`headers`: what is answered with it (content-type, x-amz-meta-…), in lower case."""

    bucket: str
    key: str
    content: bytes = field(repr=False)
    etag: str
    headers: dict[str, str]
    modified_at: float

    def record(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {**fields, "content": base64.b64encode(self.content).decode()}


@dataclass(slots=True)
class StoredPart:
    upload: str
    number: int
    content: bytes = field(repr=False)
    etag: str
    modified_at: float

    @property
    def id(self) -> str:
        return f"{self.upload}/{self.number}"

    def record(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {**fields, "content": base64.b64encode(self.content).decode()}


@dataclass(slots=True)
class Upload:
    """An upload in parts that is neither completed nor aborted."""

    id: str
    account: str
    bucket: str
    key: str
    headers: dict[str, str]
    begun_at: float
    parts: dict[int, StoredPart] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Without the parts, each of which is written down by itself."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "parts"}


class Shelf:
    """The objects of one bucket, in the order of their keys' bytes."""

    def __init__(self) -> None:
        self._by_key: dict[str, StoredObject] = {}
        self._order: list[bytes] = []
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._order)

    def find(self, key: str) -> StoredObject | None:
        return self._by_key.get(key)

    def put(self, stored: StoredObject) -> None:
        self.drop(stored.key)
        bisect.insort(self._order, stored.key.encode())
        self._by_key[stored.key] = stored
        self.size_bytes += len(stored.content)

    def drop(self, key: str) -> bool:
        """Whether it was there."""
        stored = self._by_key.pop(key, None)
        if stored is None:
            return False
        del self._order[bisect.bisect_left(self._order, key.encode())]
        self.size_bytes -= len(stored.content)
        return True

    def after(self, position: bytes, prefix: bytes) -> Iterator[StoredObject]:
        """Those of the prefix whose keys come after the position."""
        place = max(bisect.bisect_right(self._order, position), bisect.bisect_left(self._order, prefix))
        while place < len(self._order) and self._order[place].startswith(prefix):
            yield self._by_key[self._order[place].decode()]
            place += 1


class State:
    """`name`: the provider's (`s3`, `r2`); their buckets have nothing to do with one another."""

    def __init__(self, name: str, journal: Journal) -> None:
        self._name = name
        self._journal = journal
        self.accounts: dict[str, Account] = {}
        self.buckets: defaultdict[str, Shelf] = defaultdict(Shelf)
        self.uploads: dict[str, Upload] = {}
        for saved in journal.load(name, "account"):
            self.put_account(Account.model_validate(saved))
        for saved in journal.load(name, "object"):
            stored = StoredObject(**{**saved, "content": base64.b64decode(saved["content"])})
            self.buckets[stored.bucket].put(stored)
        for saved in journal.load(name, "upload"):
            self.uploads[saved["id"]] = Upload(**saved)
        for saved in journal.load(name, "part"):
            part = StoredPart(**{**saved, "content": base64.b64decode(saved["content"])})
            self.uploads[part.upload].parts[part.number] = part

    def put_account(self, account: Account) -> None:
        """Register, or replace what was registered under this access key."""
        self.accounts[account.access_key_id] = account
        self._journal.mark(self._name, "account", account.access_key_id, account)

    def has_bucket(self, bucket: str) -> bool:
        """Whether it is anybody's."""
        return any(bucket in account.buckets for account in self.accounts.values())

    def put(self, stored: StoredObject) -> None:
        self.buckets[stored.bucket].put(stored)
        self._journal.mark(self._name, "object", f"{stored.bucket}/{stored.key}", stored)

    def drop(self, bucket: str, key: str) -> bool:
        self._journal.drop(self._name, "object", f"{bucket}/{key}")
        return self.buckets[bucket].drop(key)

    def begin(self, upload: Upload) -> None:
        self.uploads[upload.id] = upload
        self._journal.mark(self._name, "upload", upload.id, upload)

    def put_part(self, part: StoredPart) -> None:
        """In place of the one of its number."""
        self.uploads[part.upload].parts[part.number] = part
        self._journal.mark(self._name, "part", part.id, part)

    def end(self, upload: Upload) -> None:
        """Completed or aborted."""
        del self.uploads[upload.id]
        self._journal.drop(self._name, "upload", upload.id)
        for part in upload.parts.values():
            self._journal.drop(self._name, "part", part.id)

    def bytes_in(self, bucket: str) -> int:
        """Parts of open uploads included."""
        waiting = (part for one in self.uploads.values() if one.bucket == bucket for part in one.parts.values())
        return self.buckets[bucket].size_bytes + sum(len(part.content) for part in waiting)
