"""What the gateway may ask of contents: POST /internal/contents, the bytes as the body."""

from typing import Final

from pydantic import BaseModel

KEPT_BYTES: Final = 1024**3
"""Of all that a tenant keeps in an environment, if the service is told nothing else. 429 over it."""


class StoredContent(BaseModel):
    """The answer: the same bytes of the same tenant and environment have the same id, however often they are sent."""

    id: str
    size_bytes: int
    sha256: str
    """Hex."""
