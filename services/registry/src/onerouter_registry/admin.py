"""Managing what tenants configure, from a program: the `onerouter admin` commands and the local stack's seeding.

    async with open_admin(ManagementSettings()) as admin:
        tenant = await admin.tenants.create("Acme")
        created = await admin.api_keys.create(tenant.id, "test", name="backend")
        connected = await admin.connections.connect(tenant.id, "test", "razorpay", credentials)
        print(admin.callback_url("razorpay", connected.callback_token))

It writes to the database; a running registry tells everyone within milliseconds, a stopped one when it starts again.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock, SystemClock
from onerouter_common.db.engine import tenant_engine
from onerouter_common.secrets import Kms
from onerouter_common.web.internal import InternalAuth
from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers
from onerouter_registry.api_key.service import ApiKeys
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.audit.trail import AuditTrail
from onerouter_registry.audit.verification import AuditVerification
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.connection.callback_token.model import CallbackUrls
from onerouter_registry.connection.callback_token.service import CallbackTokens
from onerouter_registry.connection.service import Connections
from onerouter_registry.connection.upkeep.forgetting import Forgetting
from onerouter_registry.connection.use_cases import connection_use_cases
from onerouter_registry.connection.verification import Verification
from onerouter_registry.connection.views import ConnectionViews
from onerouter_registry.mail.printed import NoMail
from onerouter_registry.mail.service import Post
from onerouter_registry.operator.category_workers import CategoryWorkers
from onerouter_registry.operator.internal_service import InternalService
from onerouter_registry.operator.kept_callbacks import KeptCallbacks
from onerouter_registry.operator.operations import StuckOperations
from onerouter_registry.operator.service import TenantDirectory
from onerouter_registry.person.people import People, people
from onerouter_registry.person.sealing import SealedByKeyRing
from onerouter_registry.quota.service import QuotaUsage
from onerouter_registry.routing.service import Routing
from onerouter_registry.settings import ManagementSettings
from onerouter_registry.switch.service import Switches
from onerouter_registry.tenant.deletion.service import Deletions
from onerouter_registry.tenant.service import Tenants
from onerouter_registry.vault.rotation.service import KeyRotation
from onerouter_registry.vault.service import Vault

__all__ = ["Admin", "ManagementSettings", "open_admin"]


@dataclass(frozen=True, slots=True)
class Admin:
    """The registry's use cases: what the command line and the management API both work with."""

    audit: AuditLog
    audit_trail: AuditTrail
    audit_verification: AuditVerification
    tenants: Tenants
    deletions: Deletions
    directory: TenantDirectory
    operations: StuckOperations
    kept_callbacks: KeptCallbacks
    switches: Switches
    api_keys: ApiKeys
    quota_usage: QuotaUsage
    connections: Connections
    verification: Verification
    callback_tokens: CallbackTokens
    forgetting: Forgetting
    connection_views: ConnectionViews
    routing: Routing
    catalogue: Catalogue
    people: People
    rotation: KeyRotation
    callback_base_url: str | None

    def callback_url(self, provider: str, token: SecretStr) -> str:
        """The address to enter at the provider. Who knows it can send us callbacks (that must still be signed)."""
        return CallbackUrls(self.callback_base_url).of(provider, token)


@asynccontextmanager
async def open_admin(
    settings: ManagementSettings, *, clock: Clock | None = None, providers: Providers | None = None
) -> AsyncIterator[Admin]:
    """`providers` is all that are installed unless told otherwise."""
    async with (
        tenant_engine(str(settings.database_url), size=settings.database_pool_size) as engine,
        settings.open_kms() as kms,
        open_pool(max_connections=8) as http,
    ):
        yield use_cases(settings, engine, clock or SystemClock(), Catalogue(providers or Providers.load()), kms, http)


def use_cases(
    settings: ManagementSettings,
    engine: AsyncEngine,
    clock: Clock,
    catalogue: Catalogue,
    kms: Kms,
    http: httpx.AsyncBaseTransport,
    post: Post | None = None,
    *,
    entry: AsyncEngine | None = None,
) -> Admin:
    """Wired to this database, and to this pool of connections to providers. Without a post room no mail goes out.

    `entry` are the connections for sessions and signing in, so that whatever is managed keeps nobody out; None: the same.
    """
    vault = Vault(settings.credential_rings(kms), settings.callback_rings(kms))
    audit = AuditLog(settings.secret, clock)
    connecting = connection_use_cases(settings, engine, clock, catalogue, vault, audit, http)
    return Admin(
        audit=audit,
        audit_trail=AuditTrail(engine),
        audit_verification=AuditVerification(engine, settings.secret),
        tenants=Tenants(engine, audit, clock, deletion_grace=timedelta(days=settings.tenant_deletion_grace_days)),
        deletions=Deletions(engine, audit, clock),
        directory=TenantDirectory(engine, clock),
        operations=StuckOperations(engine, audit, _category_workers(settings, http)),
        kept_callbacks=KeptCallbacks(engine, audit, _webhooks(settings, http)),
        switches=Switches(engine, catalogue, audit, clock),
        api_keys=ApiKeys(engine, settings.api_key_pepper, clock, audit),
        quota_usage=QuotaUsage(engine, clock),
        connections=connecting.connections,
        verification=connecting.verification,
        callback_tokens=connecting.callback_tokens,
        forgetting=connecting.forgetting,
        connection_views=connecting.views,
        routing=Routing(engine, catalogue, audit, clock),
        catalogue=catalogue,
        people=people(
            settings,
            engine,
            audit,
            clock,
            secrets=SealedByKeyRing(vault.people_ring),
            post=post or Post(NoMail()),
            entry=entry or engine,
        ),
        rotation=KeyRotation(engine, vault, audit, clock),
        callback_base_url=None if settings.callback_base_url is None else str(settings.callback_base_url),
    )


def _category_workers(settings: ManagementSettings, http: httpx.AsyncBaseTransport) -> CategoryWorkers:
    urls = {
        "payments": str(settings.payments_url),
        "messaging": str(settings.messaging_url),
        "storage": str(settings.storage_url),
    }
    return CategoryWorkers(urls, _internal_auth(settings), http)


def _webhooks(settings: ManagementSettings, http: httpx.AsyncBaseTransport) -> InternalService:
    return InternalService("webhooks", str(settings.webhooks_url), _internal_auth(settings), http)


def _internal_auth(settings: ManagementSettings) -> InternalAuth | None:
    return None if settings.internal_tokens is None else InternalAuth(settings.internal_tokens)
