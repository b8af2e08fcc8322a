"""A ciphertext that was moved or changed, or whose key is gone, is said to be so; entering it again mends it."""

import pytest
import structlog
from pydantic import SecretStr
from structlog.testing import LogCapture
from tests.services.registry.conftest import CREDENTIALS, KEY_SECRET, WEBHOOK_SECRET, Registry
from tests.services.registry.vault.rings import administered, connect, revealed, sql, with_new_keys

from onerouter_common.errors import CredentialsUnreadable, InvalidRequest
from onerouter_common.ids import USER, new_id
from onerouter_common.secrets import KeyRing
from onerouter_registry.connection.model import Connection
from onerouter_registry.person.sealing import SealedByKeyRing, SealedSecret
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.vault import service

FLIP = "UPDATE connections SET credentials = jsonb_set(credentials, '{key_secret}', to_jsonb($2::text)) WHERE id = $1"


async def damage(registry: Registry, how: str, connection: Connection, other: Connection) -> None:
    """What may happen to a sealed value in the database."""
    sealed = connection.credentials.api["key_secret"]
    match how:
        case "changed":
            await sql(registry, FLIP, connection.id, sealed[:-2] + ("AA" if sealed[-2:] != "AA" else "BA"))
        case "cut":
            await sql(registry, FLIP, connection.id, sealed[: len(sealed) // 2])
        case "another connection's":
            await sql(registry, FLIP, connection.id, other.credentials.api["key_secret"])
        case "another tenant's key":
            await sql(
                registry,
                "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys "
                "WHERE tenant_id = $2 AND purpose = 'credentials') WHERE tenant_id = $1 AND purpose = 'credentials'",
                *(connection.tenant_id, other.tenant_id),
            )
        case "no data key":
            await sql(registry, "DELETE FROM data_keys WHERE tenant_id = $1", connection.tenant_id)
        case "nonsense":
            await sql(registry, FLIP, connection.id, "not.a.sealed.value\ud7ff")


DAMAGES = ["changed", "cut", "another connection's", "another tenant's key", "no data key", "nonsense"]


@pytest.mark.parametrize("how", DAMAGES)
async def test_it_is_said_and_entering_it_again_mends_it(
    registry: Registry, tenant: Tenant, other_tenant: Tenant, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = LogCapture()
    monkeypatch.setattr(
        service, "log", structlog.wrap_logger(None, processors=[captured], wrapper_class=structlog.BoundLogger)
    )
    connection, _ = await connect(registry, tenant.id)
    other, _ = await connect(registry, other_tenant.id)
    await damage(registry, how, connection, other)
    with pytest.raises(CredentialsUnreadable, match=f"{connection.id} cannot be read any more. Please enter") as said:
        await registry.admin.verification.verify(tenant.id, "test", connection.id)
    assert (said.value.http_status, said.value.error_code) == (422, "CREDENTIALS_UNREADABLE")
    logged = str(captured.entries)
    assert "registry.credentials.unreadable" in logged
    assert f"{connection.id}, key_secret: " in logged or "not a sealed value" in logged
    assert KEY_SECRET not in logged + str(said.value)

    connections = registry.admin.connections
    with pytest.raises(InvalidRequest, match="key_secret"):  # the missing one is asked for by name
        await connections.update_credentials(tenant.id, "test", connection.id, {"key_id": CREDENTIALS["key_id"]})
    await connections.update_credentials(tenant.id, "test", connection.id, CREDENTIALS)
    opened = await revealed(registry.admin, connection, with_token=False)
    assert (opened["key_secret"], opened["webhook_secret"]) == (KEY_SECRET, WEBHOOK_SECRET)
    assert (await revealed(registry.admin, other))["key_secret"] == KEY_SECRET


async def test_a_key_that_left_the_ring_and_came_back(registry: Registry, tenant: Tenant) -> None:
    """Nothing is destroyed where a ring was set up wrong: what was entered before and meanwhile opens again."""
    before, token = await connect(registry, tenant.id, label="before")
    wrong = with_new_keys(registry.settings, keep=False)
    async with administered(registry, wrong) as admin:
        with pytest.raises(CredentialsUnreadable):
            await admin.verification.verify(tenant.id, "test", before.id)
        made = await admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS, label="meanwhile")
        assert (await revealed(admin, made.connection))["key_secret"] == KEY_SECRET
    names = ("credential_keys_test", "callback_keys_test")
    rings = {name: [getattr(one, name).get_secret_value() for one in (wrong, registry.settings)] for name in names}
    mended = registry.settings.model_copy(update={name: SecretStr(",".join(ring)) for name, ring in rings.items()})
    async with administered(registry, mended) as admin:
        assert (await revealed(admin, before))["#token"] == token
        assert (await revealed(admin, made.connection))["key_secret"] == KEY_SECRET
        outcome = await admin.rotation.run("test", reencrypt=True)
        assert outcome.lost == []
        assert (await revealed(admin, before))["#token"] == token


async def test_a_callback_address_that_does_not_open_can_still_be_replaced(registry: Registry, tenant: Tenant) -> None:
    connection, token = await connect(registry, tenant.id)
    await sql(registry, "UPDATE callback_tokens SET sealed = 'v1.dk_x.AAAA.AAAA'")
    assert await registry.admin.connections.callback_token(tenant.id, "test", connection.id) is None
    await registry.admin.callback_tokens.rotate(tenant.id, "test", connection.id)
    renewed = await registry.admin.connections.callback_token(tenant.id, "test", connection.id)
    assert renewed is not None
    assert renewed.get_secret_value() != token


@pytest.mark.parametrize("of", ["another person", "another ring"])
async def test_a_second_factor_that_was_moved(of: str) -> None:
    ring, secret = KeyRing.parse(KeyRing.generate("k1")), SecretStr("JBSWY3DPEHPK3PXP")
    somebody, somebody_else = new_id(USER), new_id(USER)
    sealed = await SealedByKeyRing(ring).seal(somebody, secret)
    assert await SealedByKeyRing(ring).open(somebody, sealed) == secret
    reader = ring if of == "another person" else KeyRing.parse(KeyRing.generate("k1"))
    reading = somebody_else if of == "another person" else somebody
    with pytest.raises(CredentialsUnreadable, match="second factor"):
        await SealedByKeyRing(reader).open(reading, sealed)
    with pytest.raises(CredentialsUnreadable, match="second factor"):
        await SealedByKeyRing(ring).open(somebody, SealedSecret(sealed.key, "nonsense"))
