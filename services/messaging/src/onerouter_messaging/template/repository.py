"""SQL on templates and their versions: in a tenant's own transaction, so that it sees no one else's."""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.errors import Conflict
from onerouter_common.reads.paging import Page, position_of
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.template.model import Template, Version, Written

_SELECT = """
SELECT t.*, v.content, v.created_at AS published_at
FROM templates t LEFT JOIN template_versions v ON v.template_id = t.id AND v.version = t.current_version
WHERE t.channel = :channel AND t.deleted_at IS NULL
"""
_FIND = text(_SELECT + "AND t.id = :id")
_LOCK = text(_SELECT + "AND t.id = :id FOR UPDATE OF t")
_PAGE = text(
    _SELECT
    + """
AND (CAST(:created_at AS timestamptz) IS NULL OR (t.created_at, t.id) < (CAST(:created_at AS timestamptz), :after))
AND (CAST(:since AS timestamptz) IS NULL OR t.created_at > CAST(:since AS timestamptz))
AND (CAST(:until AS timestamptz) IS NULL OR t.created_at < CAST(:until AS timestamptz))
AND (CAST(:name AS text) IS NULL OR lower(t.name) = lower(CAST(:name AS text)))
ORDER BY t.created_at DESC, t.id DESC LIMIT :limit
"""
)
_INSERT = text("""
INSERT INTO templates (id, tenant_id, environment, channel, name, draft, created_at, updated_at)
VALUES (:id, :tenant_id, :environment, :channel, :name, CAST(:draft AS jsonb), :created_at, :updated_at)
""")
_UPDATE = text("""
UPDATE templates SET name = :name, draft = CAST(:draft AS jsonb), current_version = :current_version,
    last_version = :last_version, updated_at = :updated_at
WHERE id = :id
""")
_DELETE = text("UPDATE templates SET deleted_at = now() WHERE id = :id")
_ADD_VERSION = text("""
INSERT INTO template_versions (template_id, version, tenant_id, environment, content, created_at)
VALUES (:id, :version, :tenant_id, :environment, CAST(:content AS jsonb), :created_at)
""")
_VERSIONS = text("""
SELECT version, content, created_at FROM template_versions
WHERE template_id = :id AND (CAST(:before AS int) IS NULL OR version < CAST(:before AS int))
ORDER BY version DESC LIMIT :limit
""")
_VERSION = text(
    "SELECT version, content, created_at FROM template_versions WHERE template_id = :id AND version = :version"
)


async def find(connection: AsyncConnection, channel: str, id_: str, *, lock: bool = False) -> Template | None:
    rows = (await connection.execute(_LOCK if lock else _FIND, {"channel": channel, "id": id_})).mappings().all()
    return _template(dict(rows[0])) if rows else None


async def page(connection: AsyncConnection, channel: str, asked: Page, name: str | None) -> list[Template]:
    """The page's and one more."""
    created_at, after = position_of(asked.cursor) if asked.cursor is not None else (None, "")
    given = {
        "channel": channel,
        "created_at": created_at,
        "after": after,
        "since": asked.created_after,
        "until": asked.created_before,
        "name": name,
        "limit": asked.limit + 1,
    }
    return [_template(dict(row)) for row in (await connection.execute(_PAGE, given)).mappings()]


async def insert(connection: AsyncConnection, tenant: TenantContext, template: Template) -> None:
    """Raises Conflict when the name is taken."""
    whose = {"tenant_id": tenant.tenant_id, "environment": tenant.environment}
    await _named(connection, _INSERT, {**_row(template), **whose, "created_at": template.created_at}, template.name)


async def update(connection: AsyncConnection, template: Template) -> None:
    """Raises Conflict when the name is taken."""
    await _named(connection, _UPDATE, _row(template), template.name)


async def delete(connection: AsyncConnection, id_: str) -> None:
    """Its versions stay: messages that used it show them, and those that wait are sent."""
    await connection.execute(_DELETE, {"id": id_})


async def add_version(connection: AsyncConnection, tenant: TenantContext, id_: str, version: Version) -> None:
    given = {
        "id": id_,
        "version": version.version,
        "tenant_id": tenant.tenant_id,
        "environment": tenant.environment,
        "content": _json(version.content),
        "created_at": version.created_at,
    }
    await connection.execute(_ADD_VERSION, given)


async def versions(connection: AsyncConnection, id_: str, *, before: int | None, limit: int) -> list[Version]:
    """Newest first."""
    rows = await connection.execute(_VERSIONS, {"id": id_, "before": before, "limit": limit})
    return [_version(dict(row)) for row in rows.mappings()]


async def find_version(connection: AsyncConnection, id_: str, version: int) -> Version | None:
    rows = (await connection.execute(_VERSION, {"id": id_, "version": version})).mappings().all()
    return _version(dict(rows[0])) if rows else None


async def _named(connection: AsyncConnection, statement: Any, given: Mapping[str, Any], name: str) -> None:
    try:
        await connection.execute(statement, given)
    except IntegrityError as error:
        if "templates_name" not in str(error.orig):
            raise
        raise Conflict(f"There is a template called {name} already.", code="TEMPLATE_EXISTS") from error


def _row(template: Template) -> dict[str, Any]:
    return {
        "id": template.id,
        "channel": template.channel,
        "name": template.name,
        "draft": None if template.draft is None else _json(template.draft),
        "current_version": None if template.current is None else template.current.version,
        "last_version": template.last_version,
        "updated_at": template.updated_at,
    }


def _json(content: Written) -> str:
    return orjson.dumps(content.to_json()).decode()


def _template(row: Mapping[str, Any]) -> Template:
    current = row["current_version"]
    return Template(
        id=row["id"],
        channel=row["channel"],
        name=row["name"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        draft=None if row["draft"] is None else Written(**row["draft"]),
        current=None if current is None else Version(current, Written(**row["content"]), row["published_at"]),
        last_version=row["last_version"],
    )


def _version(row: Mapping[str, Any]) -> Version:
    return Version(row["version"], Written(**row["content"]), row["created_at"])
