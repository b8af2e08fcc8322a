"""An AWS KMS for tests: moto's server, which encrypts for real, on a port of this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from moto.core.exceptions import JsonRESTError
from moto.kms.models import KmsBackend
from moto.server import ThreadedMotoServer

from onerouter_common.secrets import AwsKms

REGION: Final = "eu-central-1"


@contextmanager
def running_kms() -> Iterator[str]:
    """Its address. It refuses disabled keys as AWS documents it, which moto alone does not."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        for method in ("encrypt", "decrypt"):
            patch.setattr(KmsBackend, method, _refusing_disabled(getattr(KmsBackend, method)))
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        try:
            yield f"http://{host}:{port}"
        finally:
            server.stop()


async def new_key(kms: AwsKms, alias: str | None = None) -> str:
    """Its ARN; made with the very client, as an operator would beforehand."""
    client = await kms._client()
    arn = str((await client.create_key(Description="OneRouter"))["KeyMetadata"]["Arn"])
    if alias is not None:
        await client.create_alias(AliasName=alias, TargetKeyId=arn)
    return arn


def _refusing_disabled(method: Any) -> Any:
    def checked(self: Any, *arguments: Any, **named: Any) -> Any:
        key_id = named.get("key_id") or (arguments[0] if isinstance(arguments[0], str) else None)
        key = self.keys.get(self.any_id_to_key_id(key_id)) if key_id else None
        if key is not None and not key.enabled:
            raise JsonRESTError("DisabledException", f"{key.arn} is disabled.")
        return method(self, *arguments, **named)

    return checked
