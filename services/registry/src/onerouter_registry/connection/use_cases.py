"""What can be done with connections, wired to one database and one pool of connections to providers."""

from dataclasses import dataclass
from datetime import timedelta

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.connection.callback_token.model import CallbackUrls
from onerouter_registry.connection.callback_token.service import CallbackTokens
from onerouter_registry.connection.change import Change
from onerouter_registry.connection.connecting import Connecting
from onerouter_registry.connection.probe import Prober
from onerouter_registry.connection.questions import Questions
from onerouter_registry.connection.service import Connections
from onerouter_registry.connection.upkeep.forgetting import Forgetting
from onerouter_registry.connection.verdict import Verdicts
from onerouter_registry.connection.verification import Verification
from onerouter_registry.connection.views import ConnectionViews
from onerouter_registry.settings import ManagementSettings
from onerouter_registry.throttle.service import Throttle
from onerouter_registry.vault.service import Vault


@dataclass(frozen=True, slots=True)
class ConnectionUseCases:
    connections: Connections
    verification: Verification
    callback_tokens: CallbackTokens
    forgetting: Forgetting
    views: ConnectionViews


def connection_use_cases(
    settings: ManagementSettings,
    engine: AsyncEngine,
    clock: Clock,
    catalogue: Catalogue,
    vault: Vault,
    audit: AuditLog,
    http: httpx.AsyncBaseTransport,
) -> ConnectionUseCases:
    prober = Prober(catalogue, http, settings.provider_base_urls, settings.probe_timeout_s)
    questions = Questions(prober, Throttle(engine, settings.secret, clock))
    verdicts = Verdicts(audit, clock)
    callback_tokens = CallbackTokens(engine, catalogue, vault, audit, clock)
    retention = timedelta(days=settings.disconnected_retention_days)
    forgetting = Forgetting(engine, callback_tokens, audit, clock, retention)
    urls = CallbackUrls(None if settings.callback_base_url is None else str(settings.callback_base_url))
    connecting = Connecting(engine, catalogue, vault, questions, callback_tokens, audit, clock)
    change = Change(engine, catalogue, vault, questions, verdicts, audit, clock)
    return ConnectionUseCases(
        connections=Connections(
            engine,
            catalogue,
            clock,
            connecting=connecting,
            change=change,
            callback_tokens=callback_tokens,
            forgetting=forgetting,
            audit=audit,
        ),
        verification=Verification(engine, catalogue, vault, questions, verdicts),
        callback_tokens=callback_tokens,
        forgetting=forgetting,
        views=ConnectionViews(engine, catalogue, callback_tokens, urls),
    )
