"""An AWS KMS for tests: moto's server, which encrypts for real, on a port of this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from tests.moto import running_moto

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
        with running_moto() as url:
            yield url


async def new_key(kms: AwsKms, alias: str | None = None) -> str:
    """Its ARN; made with the very client, as an operator would beforehand."""
    client = await kms._client()
    arn = str((await client.create_key(Description="OneRouter"))["KeyMetadata"]["Arn"])
    if alias is not None:
        await client.create_alias(AliasName=alias, TargetKeyId=arn)
    return arn
