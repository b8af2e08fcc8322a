"""The words by which people leave, come back or ask, as Twilio takes them by default.

Source: https://help.twilio.com/articles/223134027-Twilio-support-for-opt-out-keywords-SMS-STOP-filtering-
"""

from typing import Final

_WORDS: Final = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"), "STOP"),
    **dict.fromkeys(("START", "YES", "UNSTOP"), "START"),
    **dict.fromkeys(("HELP", "INFO"), "HELP"),
}


def keyword_of(opt_out_type: str | None, body: str) -> str | None:
    """STOP, START or HELP. `opt_out_type` comes where the messaging service knows words of its own, and then decides."""
    if opt_out_type in ("STOP", "START", "HELP"):
        return opt_out_type
    return _WORDS.get(body.strip().upper())
