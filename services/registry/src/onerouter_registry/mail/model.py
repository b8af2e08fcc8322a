"""A mail, and who can carry it."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import SecretStr

Kind = Literal[
    "password_reset",
    "email_confirmation",
    "email_change_asked",
    "email_changed",
    "invitation",
    "password_changed",
    "identity_linked",
    "identity_unlinked",
    "second_factor_removed",
    "recovery_codes_renewed",
]


@dataclass(frozen=True, slots=True)
class Mail:
    id: str
    """The same mail has the same id: it is its idempotency key."""
    kind: Kind
    to: str
    subject: str
    text: str = field(repr=False)
    """With `{link}` where the link goes."""
    link: SecretStr | None = None


class Mailer(Protocol):
    @property
    def delivers(self) -> bool:
        """Whether mail reaches anyone."""
        ...

    async def send(self, mail: Mail) -> None:
        """Hand it over. What cannot be handed over is logged, without its content; nobody waits for it."""
        ...
