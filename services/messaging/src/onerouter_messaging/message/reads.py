"""Reads of messages on behalf of a tenant."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.errors import NotFound
from onerouter_common.ids import EMAIL, SMS, is_id
from onerouter_common.operations.repository import View
from onerouter_common.reads.paging import Page, list_view, position_of
from onerouter_common.reads.rows import Row, TenantRows
from onerouter_common.recipients import email_of, phone_number_of
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.batch.tables import batch_contents
from onerouter_messaging.message.cost import cost_view
from onerouter_messaging.message.rows import message_of
from onerouter_messaging.message.state import Channel, Message
from onerouter_messaging.message.tables import message_addresses, messages
from onerouter_messaging.message.views import message_view

_PREFIX: Final[Mapping[Channel, str]] = {"sms": SMS, "email": EMAIL}
_NAME: Final[Mapping[Channel, str]] = {"sms": "SMS", "email": "email"}
_AS_STORED: Final = re.compile(r"[0-9]{3,8}|\+[1-9][0-9]{4,14}")
BEARS_THE_COST: Final = frozenset({"sms.send", "email.send"})
"""A message is paid for when it is sent; its other operations cost nothing of their own."""


@dataclass(frozen=True, slots=True)
class MessageFilter:
    status: str | None = None
    provider: str | None = None
    to: str | None = None
    """A number or an email address, as messages are addressed."""
    batch_id: str | None = None
    direction: str | None = None
    tag: str | None = None


class MessageReads:
    def __init__(self, rows: TenantRows) -> None:
        self._rows = rows

    async def one(self, tenant: TenantContext, channel: Channel, message_id: str, *, content: bool = False) -> View:
        """By our id or the provider's. Raises NotFound."""
        mine = messages.c.id == message_id
        wanted = (
            mine if is_id(_PREFIX[channel], message_id) else or_(mine, messages.c.provider_message_id == message_id)
        )
        row = await self._rows.latest(tenant, messages, messages.c.channel == channel, wanted)
        if row is None:
            raise NotFound(f"There is no {_NAME[channel]} {message_id[:64]} in the {tenant.environment} environment.")
        message = message_of(row)
        if content and row["content"] is not None and message.content_is_shared:
            message = await self._with_shared(tenant, message)
        return message_view(message, content=content)

    async def _with_shared(self, tenant: TenantContext, message: Message) -> Message:
        """With what all of its bulk send say; as it is where that is not kept any more."""
        row = await self._rows.latest(tenant, batch_contents, batch_contents.c.batch_id == message.batch_id)
        if row is None:
            return message
        shown = {part: row["content"].get(part) or None for part in ("html", "text")}
        return replace(message, content=replace(message.content, **shown))

    async def many(self, tenant: TenantContext, channel: Channel, wanted: MessageFilter, page: Page) -> View:
        """Newest first. Raises InvalidRequest where `to` is not an address."""
        rows = await (
            self._all(tenant, channel, wanted, page) if wanted.to is None else self._to(tenant, channel, wanted, page)
        )
        return list_view(rows, page, lambda row: message_view(message_of(row)), _key)

    async def _all(self, tenant: TenantContext, channel: Channel, wanted: MessageFilter, page: Page) -> list[Row]:
        return await self._rows.page(
            tenant,
            messages,
            page,
            (messages.c.channel, channel),
            (messages.c.status, wanted.status),
            (messages.c.provider, wanted.provider),
            (messages.c.batch_id, wanted.batch_id),
            (messages.c.direction, wanted.direction),
            (messages.c.tags.contains([wanted.tag]), None if wanted.tag is None else True),
        )

    async def _to(self, tenant: TenantContext, channel: Channel, wanted: MessageFilter, page: Page) -> list[Row]:
        """By the rows of `message_addresses`, which an index finds; it is they that are paged."""
        to = message_addresses.c
        query = select(messages).join(message_addresses, to.message_id == messages.c.id)
        query = query.where(
            to.tenant_id == tenant.tenant_id,
            to.environment == tenant.environment,
            to.channel == channel,
            to.address == address_of(channel, wanted.to or ""),
        )
        filters = (
            (messages.c.status, wanted.status),
            (messages.c.provider, wanted.provider),
            (messages.c.batch_id, wanted.batch_id),
            (messages.c.direction, wanted.direction),
            (messages.c.tags.contains([wanted.tag]), None if wanted.tag is None else True),
        )
        query = query.where(*(column == value for column, value in filters if value is not None))
        if page.created_after is not None:
            query = query.where(to.created_at > page.created_after)
        if page.created_before is not None:
            query = query.where(to.created_at < page.created_before)
        if page.cursor is not None:
            at, id_ = position_of(page.cursor)
            query = query.where(tuple_(to.created_at, to.message_id) < tuple_(literal(at), literal(id_)))
        query = query.order_by(to.created_at.desc(), to.message_id.desc()).limit(page.limit + 1)
        return await self._rows.fetch(tenant, query)


def address_of(channel: Channel, asked: str) -> str:
    """A number or email address as messages have it, of one as people write it. Raises InvalidRequest (field `to`)."""
    if channel == "email":
        return email_of("to", asked)
    # A plus that was not escaped in an address line arrives as a blank.
    asked = f"+{asked.strip()}" if asked.startswith(" ") else asked.strip()
    # What came in may be to a short code, and from a number that our copy of the plans does not know.
    return asked if _AS_STORED.fullmatch(asked) else phone_number_of("to", asked).e164


async def operation_costs(tx: AsyncConnection, rows: Sequence[Row]) -> Mapping[str, View]:
    """As `onerouter_common.operations.repository.Costs`."""
    made = {row["resource_id"]: row["id"] for row in rows if row["operation"] in BEARS_THE_COST}
    if not made:
        return {}
    found = (await tx.execute(select(messages).where(messages.c.id.in_(made)))).mappings()
    shown = {made[one["id"]]: cost_view(message_of(dict(one)).cost) for one in found}
    return {id_: cost for id_, cost in shown.items() if cost is not None}


def _key(row: Row) -> tuple[datetime, str]:
    return row["created_at"], row["id"]
