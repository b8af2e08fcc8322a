"""The worker's SQL on versions of templates: of any tenant, by who is named."""

from typing import Final

from onerouter_common.db.engine import Pool
from onerouter_messaging.template.model import Written

_LOAD: Final = """
SELECT content FROM template_versions
WHERE template_id = $3 AND version = $4 AND tenant_id = $1 AND environment = $2
"""


async def load(pool: Pool, tenant_id: str, environment: str, template_id: str, version: int) -> Written | None:
    """Also of a template that was deleted since."""
    content = await pool.fetchval(_LOAD, tenant_id, environment, template_id, version)
    return None if content is None else Written(**content)
