"""The SNS topic that events go to: what it posts, signed by a certificate of this sandbox's own, and who has confirmed."""

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.ses.account import Account
from onerouter_sandbox.ses.state import NAME, Mail, State
from onerouter_sandbox.world import World

_LASTS: Final = timedelta(days=365)
_SIGNED: Final = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


class _Identity:
    """The certificate, PEM, and its key; kept between runs."""

    def __init__(self, name: str, certificate: str, key: str) -> None:
        self.name = name
        self.certificate = certificate
        self.key = key

    def record(self) -> dict[str, Any]:
        return {"name": self.name, "certificate": self.certificate, "key": self.key}


class Topics:
    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world
        self._tokens: dict[str, str] = {}
        """Token → access key of the account whose subscription waits."""
        world.callbacks.serve(NAME, self._callback_url)

    def publish(self, mail: Mail, kind: str, event: dict[str, Any]) -> None:
        account = self._state.accounts.get(mail.account)
        if account is None or account.webhook_url is None or account.subscription == "pending":
            return
        message = {"Subject": "Amazon SES Email Event Notification", "Message": json.dumps(event)}
        self._post(account, "Notification", message, base=mail.base, event=kind, group=mail.id)

    def ask(self, account: Account, base: str) -> None:
        """Have the endpoint confirm its subscription; asked by `base`, the sandbox's address."""
        token = random_id("2336412f37fb687f5d51e6e2", 40)
        self._tokens[token] = account.access_key_id
        query = urlencode({"Action": "ConfirmSubscription", "TopicArn": account.topic_arn, "Token": token})
        message = {
            "Message": f"You have chosen to subscribe to the topic {account.topic_arn}.\n"
            "To confirm the subscription, visit the SubscribeURL included in this message.",
            # As AWS writes it: who believes no other address is not to believe ours. It is answered under /ses/sns here.
            "SubscribeURL": f"https://sns.{account.topic_arn.split(':')[3]}.amazonaws.com/?{query}",
            "Token": token,
        }
        kind = "SubscriptionConfirmation"
        self._post(account, kind, message, base=base, event=kind, group=account.topic_arn)

    def confirm(self, topic_arn: str, token: str) -> bool:
        """Whether this token was given out for this topic; from then on its events are posted."""
        account = self._state.accounts.get(self._tokens.get(token, ""))
        if account is None or account.topic_arn != topic_arn:
            return False
        self._state.put_account(account.model_copy(update={"subscription": "confirmed"}))
        return True

    @property
    def certificate(self) -> str:
        return self._identity.certificate

    @property
    def certificate_name(self) -> str:
        return self._identity.name

    def _post(self, account: Account, kind: str, message: dict[str, str], *, base: str, event: str, group: str) -> None:
        now = datetime.fromtimestamp(self._world.clock.now(), UTC)
        whole = {
            "Type": kind,
            "MessageId": str(uuid4()),
            "TopicArn": account.topic_arn,
            **message,
            "Timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "SignatureVersion": account.signature_version,
            "SigningCertURL": f"{base}/ses/certs/{self.certificate_name}",
        }
        whole["Signature"] = self._sign(whole)
        self._world.callbacks.emit(
            provider=NAME,
            account=account.access_key_id,
            event=event,
            event_id=whole["MessageId"],
            group=group,
            body=json.dumps(whole).encode(),
            headers={
                "Content-Type": "text/plain; charset=UTF-8",
                "User-Agent": "Amazon Simple Notification Service Agent",
                "x-amz-sns-message-type": kind,
                "x-amz-sns-message-id": whole["MessageId"],
                "x-amz-sns-topic-arn": account.topic_arn,
            },
        )

    def _sign(self, message: dict[str, str]) -> str:
        text = "".join(f"{name}\n{message[name]}\n" for name in _SIGNED[message["Type"]] if name in message)
        by = hashes.SHA256() if message["SignatureVersion"] == "2" else hashes.SHA1()  # noqa: S303 - as SNS does
        return base64.b64encode(self._key.sign(text.encode(), padding.PKCS1v15(), by)).decode()

    @cached_property
    def _identity(self) -> _Identity:
        now = datetime.fromtimestamp(self._world.clock.now(), UTC)
        saved = next(iter(self._world.journal.load(NAME, "identity")), None)
        if saved is not None:
            until = x509.load_pem_x509_certificate(saved["certificate"].encode()).not_valid_after_utc
            if now + timedelta(days=7) < until:
                return _Identity(**saved)
        made = _make(now)
        self._world.journal.mark(NAME, "identity", "identity", made)
        return made

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        key = serialization.load_pem_private_key(self._identity.key.encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101 - we made it
        return key

    def _callback_url(self, access_key_id: str) -> str | None:
        account = self._state.accounts.get(access_key_id)
        return None if account is None else account.callback_url


def _make(now: datetime) -> _Identity:
    """Signed by itself: SNS's comes without its chain as well."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LASTS)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return _Identity(
        f"SimpleNotificationService-{uuid4().hex}.pem",
        certificate.public_bytes(pem).decode(),
        key.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode(),
    )
