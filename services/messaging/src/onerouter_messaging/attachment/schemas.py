"""What the gateway may ask of attachments: POST /internal/attachments, the bytes as the body, `Content-Type` theirs."""

from typing import Final

from pydantic import BaseModel

ATTACHMENT_BYTES: Final = 10 * 1024 * 1024
"""Of one; the gateway's requests are no longer. 413 over it."""

MOST_BYTES: Final = 2 * 1024**3
"""Of all that a tenant keeps in an environment, if the service is told nothing else. 429 over it."""


class StoredAttachment(BaseModel):
    """The answer: the same bytes of the same tenant and environment have the same id, however often they are sent."""

    id: str
    size_bytes: int
    content_type: str
    """What the bytes are where that can be told (a PDF, an image, …), else what the request says they are."""
