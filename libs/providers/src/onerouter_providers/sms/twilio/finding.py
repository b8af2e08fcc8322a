"""Is a message in Twilio's list ours? Twilio keeps no reference of ours on a message, so it is told by what it says.

The text is compared as a person reads it: a messaging service may swap typographic characters for plain ones ("smart
encoding"), and a trial account puts a sentence of its own before it.
"""

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from onerouter_providers.messages import SmsRequest
from onerouter_providers.sms.twilio.mapping import moment
from onerouter_providers.sms.twilio.sender import Sender

SKEW: Final = timedelta(seconds=30)
"""How far Twilio's clock and ours may differ. Dates are whole seconds. Generous, as a message that is overlooked is sent
again, while one too many that is found is only one that was sent already."""
TRIAL: Final = "Sent from your Twilio trial account - "

_PLAIN: Final = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′´`", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "…": "...",
        "•": "-",
        **dict.fromkeys("\u200b\u200c\u200d\ufeff", ""),
    }
)


def is_it(message: Mapping[str, Any], request: SmsRequest, sender: Sender, *, since: datetime) -> bool:
    """Whether a listed message can be the one that was sent for the request. What a template at Twilio says is not known."""
    made_at = moment(message.get("date_created"))
    return (
        message.get("direction") != "inbound"
        and message.get("to") == request.to
        and sender.is_of(message)
        and made_at is not None
        and made_at >= since.replace(microsecond=0) - SKEW
        and (request.provider_template is not None or _same_text(message.get("body"), request.body))
    )


def is_older(message: Mapping[str, Any], *, since: datetime) -> bool:
    made_at = moment(message.get("date_created"))
    return made_at is not None and made_at < since.replace(microsecond=0) - SKEW


def _same_text(theirs: object, ours: str) -> bool:
    return isinstance(theirs, str) and _plain(theirs.removeprefix(TRIAL)) == _plain(ours)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text.translate(_PLAIN)).split())
