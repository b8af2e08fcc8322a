"""How fast what may be tried."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """`free` tries in a row; then each waits, the first `first_wait_s`, every next one twice as long, at most `most_wait_s`.

    What was counted is forgotten `forgotten_after_s` after the last try.
    """

    name: str
    free: int
    first_wait_s: float
    most_wait_s: float
    forgotten_after_s: float


_HOUR: Final = 3_600.0
_DAY: Final = 86_400.0

# Guesses count for an account where they come from, so that whoever fails on purpose keeps out nobody but their own network.
SIGN_IN_HERE: Final = Rule("sign_in.account_network", 5, 1, 300, _DAY)
# From everywhere together an account takes many more, and then waits a minute at most: who has many networks to guess from
# keeps its owner out no longer. With twelve characters at least, one guess a minute finds nothing.
SIGN_IN_ACCOUNT: Final = Rule("sign_in.account", 100, 1, 60, _DAY)
SIGN_IN_ADDRESS: Final = Rule("sign_in.address", 20, 1, 900, _HOUR)
REAUTHENTICATION: Final = Rule("reauthentication", 5, 1, 300, _DAY)
"""Of a person who is signed in already: no stranger's guesses count."""
SECOND_FACTOR: Final = Rule("second_factor", 5, 5, 900, _DAY)
"""Six digits, three of a million right at any time: a year of guessing finds one in ten."""
SIGN_UP_ADDRESS: Final = Rule("sign_up.address", 20, 30, 3_600, _HOUR)
MAIL_ACCOUNT: Final = Rule("mail.account", 3, 60, 3_600, _DAY)
MAIL_ADDRESS: Final = Rule("mail.address", 10, 10, 900, _HOUR)
TOKEN_ADDRESS: Final = Rule("token.address", 20, 1, 900, _HOUR)
INVITATIONS: Final = Rule("invitations", 50, 10, 3_600, _DAY)
CREDENTIALS_ASKED: Final = Rule("credentials.asked", 10, 10, 900, _HOUR)
"""Of a tenant: whether a provider accepts credentials. Good ones count as well: they may be stolen."""
