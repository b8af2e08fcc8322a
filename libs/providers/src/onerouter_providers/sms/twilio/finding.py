"""Is a message in Twilio's list ours? Twilio keeps no reference of ours on a message, so it is told by what it says.

The text is compared as a person reads it: a messaging service may swap typographic characters for plain ones ("smart
encoding"), and a trial account puts a sentence of its own before it.
"""

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from onerouter_common.sms_segments import count_segments
from onerouter_providers.messages import SmsRequest
from onerouter_providers.sms.twilio.mapping import moment
from onerouter_providers.sms.twilio.sender import Sender
from onerouter_providers.sms.twilio.smart_encoding import PLAIN

SKEW: Final = timedelta(seconds=30)
"""How far Twilio's clock and ours may differ. Dates are whole seconds. Generous, as a message that is overlooked is sent
again, while one too many that is found is only one that was sent already."""
TRIAL: Final = "Sent from your Twilio trial account - "

_ALSO_PLAIN: Final = str.maketrans(
    {**dict.fromkeys("′", "'"), **dict.fromkeys("″", '"'), **dict.fromkeys("‑‒−", "-"), "\u200c": "", "\u200d": ""}
)
"""Not in Twilio's list, and as easily written otherwise on the way."""


def can_be(message: Mapping[str, Any], request: SmsRequest, sender: Sender, *, since: datetime) -> bool:
    """Whether a listed message went from the request's sender to its recipient since then, whatever it says."""
    made_at = moment(message.get("date_created"))
    return (
        message.get("direction") != "inbound"
        and message.get("to") == request.to
        and sender.is_of(message)
        and made_at is not None
        and made_at >= since.replace(microsecond=0) - SKEW
    )


def says_the_same(message: Mapping[str, Any], request: SmsRequest) -> bool:
    theirs = message.get("body")
    return isinstance(theirs, str) and _plain(theirs.removeprefix(TRIAL)) == _plain(request.body)


def may_be_rewritten(text: str) -> bool:
    """Whether Twilio may show another text than it was given: GSM-7 alone goes through as it is."""
    return count_segments(text).encoding != "GSM-7"


def is_older(message: Mapping[str, Any], *, since: datetime) -> bool:
    made_at = moment(message.get("date_created"))
    return made_at is not None and made_at < since.replace(microsecond=0) - SKEW


def _plain(text: str) -> str:
    """Without spaces: one of another width may become a plain one, or none."""
    plain = text.translate(PLAIN).translate(_ALSO_PLAIN)
    return "".join(unicodedata.normalize("NFKC", plain).split())
