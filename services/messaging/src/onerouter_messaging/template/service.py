"""What a tenant does with its templates: drafts, versions, previews."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import JsonValue, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.errors import Conflict, NotFound
from onerouter_common.ids import TEMPLATE, new_id
from onerouter_common.once.request import UNKEYED, Once
from onerouter_common.reads.paging import Page, list_view
from onerouter_common.sms_segments import count_segments
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.template import repository
from onerouter_messaging.template.model import PARTS, Template, Version, changed
from onerouter_messaging.template.rendering import Rendering
from onerouter_messaging.template.schemas import ChangeTemplate, Channel, CreateTemplate

View = dict[str, JsonValue]
_VIEW: Final[TypeAdapter[View]] = TypeAdapter(View)


class Templates:
    def __init__(self, engine: AsyncEngine, rendering: Rendering, clock: Clock) -> None:
        self._engine = engine
        self._rendering = rendering
        self._clock = clock

    async def create(
        self, tenant: TenantContext, channel: Channel, asked: CreateTemplate, once: Once = UNKEYED
    ) -> View:
        """A draft.

        Raises InvalidRequest when it is no template, Conflict when the name is taken, and IdempotencyMismatch.
        """
        written = changed(channel, None, _given(asked), asked.defaults)
        draft = await self._rendering.described(tenant.tenant_id, written)
        now = self._clock.now()
        template = Template(
            id=new_id(TEMPLATE), channel=channel, name=asked.name, created_at=now, updated_at=now, draft=draft
        )

        async def act() -> View:
            await repository.insert(connection, tenant, template)
            return template.view()

        async with self._transaction(tenant) as connection:
            return await once.carry_out(connection, now, act, _VIEW)

    async def get(self, tenant: TenantContext, channel: Channel, id_: str) -> View:
        return (await self._found(tenant, channel, id_)).view()

    async def list(self, tenant: TenantContext, channel: Channel, page: Page, name: str | None) -> View:
        async with self._transaction(tenant) as connection:
            found = await repository.page(connection, channel, page, name)
        return list_view(found, page, lambda one: one.view(), lambda one: (one.created_at, one.id))

    async def change(self, tenant: TenantContext, channel: Channel, id_: str, asked: ChangeTemplate) -> View:
        """The draft; what is not given is of the draft before, or of the current version where there is none."""
        given = _given(asked)
        async with self._transaction(tenant) as connection:
            before = await self._existing(connection, channel, id_)
        if given or asked.defaults is not None:
            based_on = before.draft or (before.current.content if before.current is not None else None)
            written = changed(channel, based_on, given, asked.defaults)
            draft = await self._rendering.described(tenant.tenant_id, written)
        else:
            draft = None
        async with self._transaction(tenant) as connection:
            template = await self._existing(connection, channel, id_, lock=True)
            if draft is not None and template.updated_at != before.updated_at:
                raise Conflict("The template was changed by somebody else at the same time; nothing was done.")
            after = replace(template.renamed(asked.name), draft=draft or template.draft, updated_at=self._clock.now())
            await repository.update(connection, after)
        return after.view()

    async def publish(
        self, tenant: TenantContext, channel: Channel, id_: str, version: int | None, once: Once = UNKEYED
    ) -> View:
        """The draft as the next version; or an older version, to go back to it.

        Raises Conflict without a draft, NotFound and IdempotencyMismatch.
        """

        async def act() -> View:
            template = await self._existing(connection, channel, id_, lock=True)
            if version is None:
                after = template.published(self._clock.now())
                assert after.current is not None  # noqa: S101 - it has just been made
                await repository.add_version(connection, tenant, id_, after.current)
            else:
                current = await self._version(connection, id_, version)
                after = replace(template, current=current, updated_at=self._clock.now())
            await repository.update(connection, after)
            return after.view()

        async with self._transaction(tenant) as connection:
            return await once.carry_out(connection, self._clock.now(), act, _VIEW)

    async def versions(self, tenant: TenantContext, channel: Channel, id_: str, page: Page) -> View:
        """Newest first; the cursor is the number of the last one shown."""
        before = (
            int(page.cursor) if page.cursor is not None and page.cursor.isascii() and page.cursor.isdigit() else None
        )
        async with self._transaction(tenant) as connection:
            template = await self._existing(connection, channel, id_)
            found = await repository.versions(connection, id_, before=before, limit=page.limit + 1)
        current = template.current.version if template.current is not None else None
        shown = [{**one.view(), "is_current": one.version == current} for one in found[: page.limit]]
        has_more = len(found) > page.limit
        cursor = str(found[page.limit - 1].version) if has_more else None
        return {"object": "list", "data": list(shown), "has_more": has_more, "next_cursor": cursor}

    async def preview(
        self,
        tenant: TenantContext,
        channel: Channel,
        id_: str,
        variables: Mapping[str, JsonValue],
        version: int | None,
    ) -> View:
        """What it says with these variables: a version, else the draft, else the current version."""
        async with self._transaction(tenant) as connection:
            template = await self._existing(connection, channel, id_)
            chosen = template.current
            if version is not None:
                chosen = await self._version(connection, id_, version)
        is_draft = version is None and template.draft is not None
        written = template.draft if is_draft else chosen.content if chosen is not None else None
        assert written is not None  # noqa: S101 - a template has a draft or a version
        made = await self._rendering.rendered(tenant.tenant_id, written, variables, self._clock.now())
        shown: dict[str, Any] = {part: made.get(part) for part in PARTS[channel]}
        if channel == "sms":
            counted = count_segments(made["body"])
            shown |= {"segments": counted.count, "encoding": counted.encoding}
        return {**shown, "version": None if is_draft or chosen is None else chosen.version}

    async def delete(self, tenant: TenantContext, channel: Channel, id_: str) -> View:
        """It cannot be used any more; what was sent with it, and what waits to be, keeps it. Its name is free."""
        async with self._transaction(tenant) as connection:
            await self._existing(connection, channel, id_, lock=True)
            await repository.delete(connection, id_)
        return {"id": id_, "object": "template", "deleted": True}

    async def published(self, tenant: TenantContext, channel: Channel, id_: str, version: int | None = None) -> View:
        """What a send needs to know, of this version or the current one.

        Raises NotFound, Conflict while nothing is published.
        """
        async with self._transaction(tenant) as connection:
            template = await self._existing(connection, channel, id_)
            chosen = template.current if version is None else await self._version(connection, id_, version)
        if chosen is None:
            raise Conflict(f"The template {id_} is a draft: publish it first.", code="TEMPLATE_NOT_PUBLISHED")
        return {"id": id_, "version": chosen.version, "variables": dict(chosen.content.variables)}

    def _transaction(self, tenant: TenantContext) -> Any:
        return tenant_transaction(self._engine, tenant.tenant_id, tenant.environment)

    async def _found(self, tenant: TenantContext, channel: Channel, id_: str) -> Template:
        async with self._transaction(tenant) as connection:
            return await self._existing(connection, channel, id_)

    async def _existing(self, connection: Any, channel: Channel, id_: str, *, lock: bool = False) -> Template:
        template = await repository.find(connection, channel, id_, lock=lock)
        if template is None:
            raise NotFound(f"There is no {channel} template {id_[:40]}.", code="TEMPLATE_NOT_FOUND")
        return template

    async def _version(self, connection: Any, id_: str, version: int) -> Version:
        found = await repository.find_version(connection, id_, version)
        if found is None:
            raise NotFound(f"The template {id_[:40]} has no version {version}.", code="TEMPLATE_NOT_FOUND")
        return found


def _given(asked: CreateTemplate | ChangeTemplate) -> dict[str, str | None]:
    return {
        name: getattr(asked, name) for name in ("subject", "html", "text", "body") if name in asked.model_fields_set
    }
