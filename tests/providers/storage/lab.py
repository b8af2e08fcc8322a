"""One bucket at the sandbox for each lab, and the client under test."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any, Final

import httpx
from pydantic import SecretStr

from onerouter_providers.loader import GROUP, ProviderPackage, Providers
from onerouter_providers.storage.s3_protocol.client import S3Objects
from onerouter_providers.testing.objects_suite import Act, Fault

FAULTS: Final[Mapping[Fault, Mapping[str, Any]]] = {
    "cut": {"kind": "refuse_connection"},
    "error_before": {"kind": "error_5xx", "status": 500},
    "error_after": {"kind": "error_5xx", "status": 503, "body": "html", "when": "after"},
    "cut_after": {"kind": "timeout_after_effect", "hold_s": 0.1},
    "throttle": {"kind": "throttle_429", "retry_after_s": 3},
}
OPERATIONS: Final[Mapping[Act, str]] = {
    "put": "PutObject",
    "head": "HeadObject",
    "get": "GetObject",
    "list": "ListObjectsV2",
    "delete": "DeleteObject",
    "complete": "CompleteMultipartUpload",
}
_number = itertools.count(1)


def package(provider: str) -> ProviderPackage:
    """As its entry point would load it."""
    name, module = f"storage.{provider}", f"onerouter_providers.storage.{provider}"
    found = Providers.load([EntryPoint(name, module, GROUP)]).find("storage", provider)
    assert found is not None
    return found


def new_folder() -> str:
    return f"folder-{next(_number)}/"


@dataclass(frozen=True)
class StorageLab:
    """An `ObjectsLab` over the sandbox. `credentials`: of an access key and a bucket that nobody else uses."""

    provider: str
    url: str
    pool: httpx.AsyncBaseTransport
    control: httpx.AsyncClient
    credentials: Mapping[str, str] = field(repr=False)
    wrong_credentials: Mapping[str, str] = field(repr=False)
    part_bytes_least: int = 1_024

    @property
    def account(self) -> str:
        return self.credentials["access_key_id"]

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.credentials["secret_access_key"],)

    def client(
        self, *, timeout_s: float = 30.0, base_url: str | None = None, credentials: Mapping[str, str] | None = None
    ) -> S3Objects:
        given = {**self.credentials, **(credentials or {})}
        client: S3Objects = package(self.provider).open(
            {name: SecretStr(value) for name, value in given.items()},
            http=self.pool,
            environment="test",
            base_url=base_url or f"{self.url}/{self.provider}/v1",
            timeout_s=timeout_s,
        )
        return client

    def folder(self) -> str:
        return new_folder()

    async def register(self, **changes: Any) -> None:
        account = {
            "access_key_id": self.account,
            "secret_access_key": self.credentials["secret_access_key"],
            "region": self.credentials.get("region", "auto"),
            "buckets": [self.credentials["bucket"]],
            "part_bytes_least": self.part_bytes_least,
        }
        await self.ask(f"/{self.provider}/accounts", **{**account, **changes})

    async def content_of(self, key: str) -> bytes | None:
        whole = self.credentials.get("prefix", "") + key
        path = f"/{self.provider}/buckets/{self.credentials['bucket']}/content"
        answer = await self.control.get(path, params={"key": whole})
        return None if answer.status_code == 404 else answer.raise_for_status().content

    async def writes(self, reference: str) -> int:
        found = await self.show("/ledger", account=self.account, reference=reference)
        return sum(1 for one in found if one["kind"] in ("object.put", "upload.completed"))

    async def fault(self, fault: Fault, act: Act) -> None:
        await self.ask("/faults", operation=OPERATIONS[act], key_id=self.account, times=1, **FAULTS[fault])

    async def advance(self, seconds: float) -> None:
        await self.ask(f"/{self.provider}/accounts/{self.account}/clock/advance", seconds=seconds)

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        return dict((await self.control.post(path, json=body)).raise_for_status().json())

    async def show(self, path: str, **params: Any) -> list[dict[str, Any]]:
        return list((await self.control.get(path, params=params)).raise_for_status().json()["data"])
