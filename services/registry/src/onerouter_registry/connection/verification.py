"""Whether a stored connection's credentials are good, asked of the provider and remembered."""

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.errors import CredentialsUnreadable, NotFound
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.connection import repository
from onerouter_registry.connection.questions import Questions
from onerouter_registry.connection.rules import require_switched_on
from onerouter_registry.connection.verdict import Verdicts
from onerouter_registry.transactions import tenant_transaction
from onerouter_registry.validation import environment_of
from onerouter_registry.vault.service import Vault

log = structlog.get_logger()


class Verification:
    def __init__(
        self, engine: AsyncEngine, catalogue: Catalogue, vault: Vault, questions: Questions, verdicts: Verdicts
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._vault = vault
        self._questions = questions
        self._verdicts = verdicts

    async def verify(self, tenant_id: str, environment: str, connection_id: str, *, by: Actor = SYSTEM) -> str | None:
        """Probe and store the answer: None when the provider accepts the credentials, else why not.

        Raises NotFound, InvalidRequest (PROVIDER_DISABLED), CredentialsUnreadable (that is stored, too: nothing can be done
        with the connection), RateLimited, and ProviderUnavailable or ProviderThrottled when it could not be asked (nothing
        is stored). No transaction is open while it is asked.
        """
        unreadable: CredentialsUnreadable | None = None
        where = environment_of(environment)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            connection = await repository.find(tx, connection_id)
            if connection is None or connection.disconnected_at is not None:
                raise NotFound(f"There is no connection {connection_id}.")
            manifest = self._catalogue.get(connection.category, connection.provider)
            await require_switched_on(tx, manifest)
            try:
                credentials = await self._vault.open_api(tx, connection)
            except CredentialsUnreadable as error:
                await self._verdicts.record(tx, connection, error.detail, by)
                unreadable = error
        if unreadable is not None:
            raise unreadable
        problem = await self._questions.ask(tenant_id, manifest, where, credentials, by=by)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            await self._verdicts.record(tx, connection, problem, by)
        log.info("registry.connection.verified", connection_id=connection_id, accepted=problem is None)
        return problem
