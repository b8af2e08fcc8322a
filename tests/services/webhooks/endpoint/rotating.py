"""An endpoint's secrets are rotated, and what is delivered is verified by who has one of them, or the public key."""

import base64
from typing import Any

import standardwebhooks
import svix
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.services.webhooks.conftest import Got, Receiver, Running, eventually

PATH = "/internal/webhook-endpoints"


async def rotate(service: Running, endpoint_id: str, status: int = 200, **body: Any) -> dict[str, Any]:
    path = f"{PATH}/{endpoint_id}/secret/rotate"
    answer = await service.http.post(path, json=body, headers=service.owner())
    assert answer.status_code == status, answer.text
    rotated: dict[str, Any] = answer.json()
    return rotated


async def delivered(service: Running, receiver: Receiver) -> Got:
    before = len(receiver.got)
    await service.publish(service.event())
    await eventually(lambda: len(receiver.got) > before)
    return receiver.got[-1]


def verifies(secret: str, got: Got) -> bool:
    """Both libraries, which must agree."""
    verdicts = set()
    for library, error in (
        (standardwebhooks.Webhook, standardwebhooks.WebhookVerificationError),
        (svix.Webhook, svix.webhooks.WebhookVerificationError),
    ):
        try:
            library(secret).verify(got.body.decode(), got.headers)
        except error:
            verdicts.add(False)
        else:
            verdicts.add(True)
    (verdict,) = verdicts
    return verdict


def verifies_by_key(public_key: str, got: Got) -> bool:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    (signature,) = [one for one in got.headers["webhook-signature"].split(" ") if one.startswith("v1a,")]
    try:
        key.verify(base64.b64decode(signature.removeprefix("v1a,")), content)
    except InvalidSignature:
        return False
    return True
