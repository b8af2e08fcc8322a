"""What of an email the browser loads by its address: its HTML, in a frame, and its attachments.

Neither can bear a header with a token, so the page gets each address with a ticket for this one thing, which who knows
the token was given a moment ago.
"""

import base64
import binascii
import hmac
import os
import re
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from fastapi.responses import HTMLResponse, Response

from onerouter_sandbox.clock import Clock
from onerouter_sandbox.inbox.model import Attachment, Email
from onerouter_sandbox.inbox.rendering import Rendered, picture, render

_LASTS_S: Final = 3_600
_QUIET: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
    "Cross-Origin-Resource-Policy": "same-origin",
}
EMAIL_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox"
)
_FRAME: Final = """<!doctype html>
<html><head><meta charset="utf-8"><style>
html{{background:#fff;color:#111;color-scheme:light}}
body{{margin:16px;font:14px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}}
img{{max-width:100%}}
img[data-blocked]{{display:inline-block;outline:1px dashed #b6bcc4;outline-offset:-1px}}
img[data-blocked]:not([width="1"],[height="1"]){{min-width:24px;min-height:16px}}
img[data-blocked]{{color:#5f6a78;font-size:12px}}
:where(a[title]){{color:#2456d6;text-decoration:underline;cursor:help}}
</style></head><body>{body}</body></html>
"""


class Tickets:
    """Lets in to one path, for an hour; who restarts the sandbox makes them void."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = os.urandom(32)

    def admit(self, path: str) -> str:
        """The path with a ticket."""
        until = (
            int(self._clock.now()) // 60 * 60 + _LASTS_S
        )  # the same within a minute, so that a frame is not loaded anew
        return f"{path}?until={until}&ticket={self._made(path, until)}"

    def is_good(self, path: str, until: int, ticket: str) -> bool:
        return hmac.compare_digest(self._made(path, until), ticket) and until >= self._clock.now()

    def _made(self, path: str, until: int) -> str:
        return hmac.new(self._key, f"{until} {path}".encode(), sha256).hexdigest()


def rendered(email: Email) -> Rendered | None:
    """None: it has no HTML."""
    if email.html is None:
        return None
    named = [(each.content_id.strip("<>"), each) for each in email.attachments if each.content_id]
    pictures = {
        name: address
        for name, each in named
        if each.encoded is not None and (address := picture(each.content_type, each.encoded)) is not None
    }
    return render(email.html, pictures)


def frame(html: str) -> HTMLResponse:
    return HTMLResponse(_FRAME.format(body=html), headers={**_QUIET, "Content-Security-Policy": EMAIL_POLICY})


def content(attachment: Attachment) -> bytes | None:
    """None: the provider was only told where it is, or it is no base 64."""
    if attachment.encoded is None:
        return None
    try:
        return base64.b64decode(attachment.encoded)
    except (binascii.Error, ValueError):
        return None


def download(name: str, body: bytes) -> Response:
    """As a file, whatever it says that it is: it must never open as a page of ours."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[-100:] or "attachment"
    saved_as = quote(name[-200:], safe="")
    return Response(
        body,
        media_type="application/octet-stream",
        headers={
            **_QUIET,
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{saved_as}",
        },
    )
