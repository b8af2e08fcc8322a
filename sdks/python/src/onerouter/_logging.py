"""The `onerouter` logger. ONEROUTER_LOG (`info` or `debug`) writes it to standard error."""

from __future__ import annotations

import logging
import os
from typing import Final

from onerouter._secret import redacted

log: Final = logging.getLogger("onerouter")
_WIRE: Final = logging.getLogger("httpx2")
"""Names the address of each request at INFO: of a signed one that is all it takes to do the same."""


class Redact(logging.Filter):
    """Keys never get further than here, whatever they stand in."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        shown = redacted(message)
        if shown != message:
            record.msg, record.args = shown, None
        return True


_REDACT: Final = Redact()
log.addFilter(_REDACT)


def redacting(logger: logging.Logger | None) -> logging.Logger:
    """The one that was given, or ours: neither is told a key."""
    if logger is None:
        return log
    logger.addFilter(_REDACT)  # once, however often it is given
    return logger


def hide_signatures() -> None:
    """Whoever has INFO logged, as many have, would keep permissions for the bucket in a file."""
    _WIRE.addFilter(_REDACT)  # once, however often


def set_up() -> None:
    """What ONEROUTER_LOG asks for. Applications that configure logging themselves need not set it."""
    level = os.environ.get("ONEROUTER_LOG", "").upper()
    if level not in {"DEBUG", "INFO", "WARNING"}:
        return
    log.setLevel(level)
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        log.addHandler(handler)
