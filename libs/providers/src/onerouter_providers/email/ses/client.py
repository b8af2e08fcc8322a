"""SES's client: it sends. What becomes of a message is told by its events alone.

SES knows no idempotency key, and cannot be asked by anything but its own message id: what became of a call without an answer
only a `Send` event tells, so its idempotency is `none` and it is never repeated.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NoReturn

from pydantic import SecretStr

from onerouter_common.errors import CapabilityUnsupported
from onerouter_providers import message_errors
from onerouter_providers.aws import Aws, AwsKeys, AwsRefused
from onerouter_providers.email.ses.errors import DISPLAY_NAME, PROVIDER, refusal
from onerouter_providers.email.ses.message import params_of
from onerouter_providers.http import ProviderHttp
from onerouter_providers.messages import EmailRequest, MessageReference, MessageSnapshot

_SETTINGS: Final[Mapping[str, str]] = {
    "configuration_set": "ConfigurationSetName",
    "tenant_name": "TenantName",
    "from_identity_arn": "FromEmailAddressIdentityArn",
}
_EVENTS: Final = ("configuration_set", "sns_topic_arn")
"""What it takes that we hear of a message: one publishes its events, by the other they come."""
_REGION: Final = "{region}"


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "SesEmail":
    """One connection's client."""
    region, keys = credentials["region"].get_secret_value(), AwsKeys.of(credentials)
    given = {theirs: credentials.get(ours) for ours, theirs in _SETTINGS.items()}
    return SesEmail(
        Aws(http, service="sesv2", region=region, base_url=regional(base_url, region), keys=keys),
        Aws(http, service="sns", region=region, base_url=topics_url(base_url, region), keys=keys),
        {name: value.get_secret_value() for name, value in given.items() if value and value.get_secret_value()},
        is_told=all(_is_given(credentials, name) for name in _EVENTS),
    )


def _is_given(credentials: Mapping[str, SecretStr], name: str) -> bool:
    return name in credentials and bool(credentials[name].get_secret_value())


def regional(base_url: str, region: str) -> str:
    """`https://email.{region}.amazonaws.com` of the manifest as it is in a region; an operator's address stays as it is."""
    if _REGION not in base_url:
        return base_url
    return base_url.replace(_REGION, region) + (".cn" if region.startswith("cn-") else "")


def topics_url(base_url: str, region: str) -> str:
    """Where the topics are that the events come by; under an operator's address, at `/sns`."""
    if _REGION not in base_url:
        return f"{base_url}/sns"
    return regional(base_url.replace("//email.", "//sns."), region)


class SesEmail:
    """A `SendsEmail` as far as SES can. `settings`: what the connection adds to each message, by SES's names. `is_told`:
    whether its events come to us."""

    def __init__(self, ses: Aws, sns: Aws, settings: Mapping[str, str], *, is_told: bool) -> None:
        self._ses = ses
        self._sns = sns
        self._settings = settings
        self._is_told = is_told

    def __repr__(self) -> str:
        return f"SesEmail({self._ses!r})"

    async def send_email(self, request: EmailRequest, *, key: str) -> MessageSnapshot:  # noqa: ARG002 - SES takes none
        """Status `queued`; where nothing more will be heard, `sent`: SES has taken it, and sends at once."""
        params = {**params_of(request), **self._settings}
        try:
            answer = await self._ask("email.send", "send_email", params, effect=True)
        except AwsRefused as refused:
            everybody = [address.email for address in (*request.to, *request.cc, *request.bcc)]
            raise refusal(refused, effect=True, recipients=everybody) from None
        message_id = answer.get("MessageId")
        if not isinstance(message_id, str) or not message_id:
            raise _nobody_knows()
        return MessageSnapshot("queued" if self._is_told else "sent", message_id, is_tracked=self._is_told)

    async def find_email(self, request: EmailRequest, *, since: datetime) -> NoReturn:  # noqa: ARG002
        """Raises ProviderOutcomeUnknown: SES cannot be asked for messages of ours."""
        raise _nobody_knows()

    async def get_email(self, reference: MessageReference) -> NoReturn:  # noqa: ARG002
        raise CapabilityUnsupported("Amazon SES tells what became of a message by its events only.")

    async def cancel_email(self, reference: MessageReference, *, key: str) -> NoReturn:  # noqa: ARG002
        raise CapabilityUnsupported("Amazon SES sends at once: there is nothing left to cancel.")

    async def probe(self) -> None:
        """Reads the account. Raises ProviderRefusedUs also when AWS does not let it send."""
        try:
            account = await self._ask("email.send", "get_account", {}, effect=False)
        except AwsRefused as refused:
            raise refusal(refused, effect=False) from None
        if account.get("SendingEnabled") is False:
            raise message_errors.refusal(
                "authentication_failed",
                provider=PROVIDER,
                display_name=DISPLAY_NAME,
                effect=False,
                hint="AWS has switched off sending for this account and region.",
            )

    async def confirm_subscription(self, topic_arn: str, token: str) -> None:
        """Say yes to a topic that wants to call us (`webhook.handshake`); a repeat is the same.

        `AuthenticateOnUnsubscribe`: afterwards only the topic's owner can end it, not whoever sees an unsubscribe link.
        """
        params = {"TopicArn": topic_arn, "Token": token, "AuthenticateOnUnsubscribe": "true"}
        try:
            await self._sns.call(
                "email.send", "confirm_subscription", params, effect=False, deadline=await self._sns.deadline()
            )
        except AwsRefused as refused:
            raise refusal(refused, effect=False) from None

    async def _ask(
        self, capability: str, operation: str, params: Mapping[str, Any], *, effect: bool
    ) -> Mapping[str, Any]:
        return await self._ses.call(capability, operation, params, effect=effect, deadline=await self._ses.deadline())


def _nobody_knows() -> Exception:
    return message_errors.refusal(
        "indeterminate",
        provider=PROVIDER,
        display_name=DISPLAY_NAME,
        effect=True,
        hint="SES cannot be asked; if it was sent, its events will tell.",
    )
