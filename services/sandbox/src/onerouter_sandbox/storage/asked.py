"""One request of S3's protocol, read: which bucket and key, which query, which headers."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from onerouter_sandbox.storage import sigv4
from onerouter_sandbox.storage.errors import Refused, invalid
from onerouter_sandbox.wire import Request

_KEY_BYTES: Final = 1_024
_SIGNATURES: Final = "X-Amz-"


@dataclass(slots=True)
class Asked:
    method: str
    raw_path: bytes
    """As it was sent, the simulator's own prefix included."""
    bucket: str
    key: str
    pairs: list[tuple[str, str]]
    """The query, in order."""
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def query(self) -> dict[str, str]:
        """Without what belongs to the signature."""
        return {name: value for name, value in self.pairs if not name.startswith(_SIGNATURES)}

    @property
    def metadata(self) -> dict[str, str]:
        """By header name, `x-amz-meta-…`."""
        return {name: value for name, value in self.headers.items() if name.startswith("x-amz-meta-")}

    def number(self, name: str, default: int, most: int) -> int:
        """Raises Refused."""
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdigit()) or int(text[:10]) > 2**31 - 1:
            raise invalid(f"Provided {name} not an integer or within integer range")
        return min(int(text), most)


def read(request: Request, prefix: str) -> Asked:
    """`prefix`: what of the path is the simulator's (`/s3/v1/`). Raises Refused."""
    bucket, _, key = request.raw_path[len(prefix) :].partition(b"/")
    try:
        name = unquote_to_bytes(key).decode()
        place = unquote_to_bytes(bucket).decode()
        headers = {one.decode("ascii"): value.decode("latin-1") for one, value in request.headers.items()}
        pairs = sigv4.parse_query(request.query)
    except UnicodeDecodeError:
        raise Refused(400, "InvalidURI", "Couldn't parse the specified URI.") from None
    if len(name.encode()) > _KEY_BYTES:
        raise Refused(400, "KeyTooLongError", "Your key is too long", MaxSizeAllowed=str(_KEY_BYTES))
    return Asked(request.method, request.raw_path, place, name, pairs, headers, request.body)
