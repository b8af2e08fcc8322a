"""What we write to people. The token stands behind the `#`: browsers send that part to no server and no referrer."""

from typing import Final

from pydantic import SecretStr

from onerouter_common.ids import REQUEST, new_id
from onerouter_registry.mail.model import Kind, Mail

_UNDO: Final = (
    "If this was not you, sign in at once, look through the ways to sign in and the sessions of your account, end those you "
    "do not know, and choose a new password."
)


class Letters:
    def __init__(self, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")

    def link(self, page: str, token: SecretStr) -> SecretStr:
        return SecretStr(f"{self._public_url}/{page}#token={token.get_secret_value()}")

    def password_reset(self, to: str, token: SecretStr) -> Mail:
        return _mail(
            "password_reset",
            to,
            "Choose a new password",
            "Someone, hopefully you, asked to choose a new password for your OneRouter account.\n\n{link}\n\n"
            "The link works once, for 30 minutes. If you did not ask, ignore this mail: nothing has changed.",
            self.link("reset-password", token),
        )

    def password_changed(self, to: str) -> Mail:
        return _mail(
            "password_changed",
            to,
            "Your password was changed",
            "The password of your OneRouter account was changed, and you were signed out everywhere else.\n\n"
            "If this was not you, choose a new one at once: use 'Forgot password' on the sign-in page.",
        )

    def email_confirmation(self, to: str, token: SecretStr) -> Mail:
        return _mail(
            "email_confirmation",
            to,
            "Confirm your email address",
            "Open this link to confirm that this address is yours.\n\n{link}\n\n"
            "The link works once, for a day. If you do not know OneRouter, ignore this mail.",
            self.link("confirm-email", token),
        )

    def email_change_asked(self, to: str) -> Mail:
        return _mail(
            "email_change_asked",
            to,
            "Your email address is about to change",
            "Someone, hopefully you, asked to give your OneRouter account another email address. It changes when the link "
            "that was mailed there is opened, within a day.\n\nIf this was not you, choose a new password at once: that "
            "voids the link.",
        )

    def email_changed(self, to: str) -> Mail:
        return _mail(
            "email_changed",
            to,
            "Your email address was changed",
            "Your OneRouter account has another email address from now on; this one no longer signs in.\n\n"
            "If this was not you, write to the operator of this service.",
        )

    def identity_linked(self, to: str, issuer: str) -> Mail:
        return _mail(
            "identity_linked",
            to,
            "Another way to sign in to your account",
            f"From now on your OneRouter account can also be signed in to by way of {_plain(issuer)}.\n\n{_UNDO}",
        )

    def identity_unlinked(self, to: str, issuer: str) -> Mail:
        return _mail(
            "identity_unlinked",
            to,
            "One way less to sign in to your account",
            f"Your OneRouter account can no longer be signed in to by way of {_plain(issuer)}, and was signed out everywhere "
            f"else.\n\n{_UNDO}",
        )

    def second_factor_removed(self, to: str) -> Mail:
        return _mail(
            "second_factor_removed",
            to,
            "Your second factor was removed",
            f"Signing in to your OneRouter account no longer asks for a code of your authenticator.\n\n{_UNDO}",
        )

    def recovery_codes_renewed(self, to: str) -> Mail:
        return _mail(
            "recovery_codes_renewed",
            to,
            "You have new recovery codes",
            f"The recovery codes of your OneRouter account were made anew; the ones from before are void.\n\n{_UNDO}",
        )

    def invitation(self, to: str, token: SecretStr, *, tenant: str, inviter: str, role: str) -> Mail:
        return _mail(
            "invitation",
            to,
            "You are invited to OneRouter",
            f"{_plain(inviter)} invites you to work on {_plain(tenant)} as {role}.\n\n{{link}}\n\n"
            "The link works once, for seven days. If you do not expect it, ignore this mail.",
            self.link("accept-invitation", token),
        )


def _mail(kind: Kind, to: str, subject: str, text: str, link: SecretStr | None = None) -> Mail:
    return Mail(new_id(REQUEST), kind, to, subject, text, link)


def _plain(name: str) -> str:
    """A name that people chose, without what mail programs would make a link of, or we a place for one."""
    return "".join(" " if character in "{}<>/:\\" else character for character in name)[:100]
