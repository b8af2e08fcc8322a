"""SNS put together: what `app.py` mounts."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from fastapi import APIRouter

from onerouter_sandbox.sns import control, errors
from onerouter_sandbox.sns.account import Account
from onerouter_sandbox.sns.errors import Refused, invalid, result
from onerouter_sandbox.sns.inbox import SnsMailbox
from onerouter_sandbox.sns.sms import Sms
from onerouter_sandbox.sns.state import NAME, State
from onerouter_sandbox.wire import Call, Reply, Request
from onerouter_sandbox.world import World

_PREFIX: Final = "/sns/v1/"
_VERSION: Final = "2010-03-31"
_SIGNED: Final = re.compile(
    rb"AWS4-HMAC-SHA256 Credential=(?P<key>[A-Z0-9]+)/[0-9]{8}/(?P<region>[a-z0-9-]+)/sns/aws4_request, "
    rb"SignedHeaders=[a-z0-9;-]+, Signature=[0-9a-f]{64}"
)
_MOST_FIELDS: Final = 200

Handler = Callable[[Account, Mapping[str, str]], Reply]


class Sns:
    """A `Provider`: the query API under /sns/v1, and control routes."""

    name: Final = NAME
    wire_prefixes: Final = (_PREFIX,)

    def __init__(self, world: World) -> None:
        self.state = State(world.journal)
        self._sms = Sms(self.state, world)
        self._actions: Mapping[str, Handler] = {
            "Publish": self._publish,
            "CheckIfPhoneNumberIsOptedOut": self._is_opted_out,
            "ListPhoneNumbersOptedOut": self._list_opted_out,
            "OptInPhoneNumber": self._opt_in,
            "GetSMSAttributes": self._get_attributes,
            "SetSMSAttributes": self._set_attributes,
            "GetSMSSandboxAccountStatus": self._sandbox_status,
        }

    def register(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        for account in accounts:
            self.state.put_account(Account.model_validate(account))

    def has_account(self, account_id: str) -> bool:
        return account_id in self.state.accounts

    def resume(self) -> None:
        """Nothing waits here."""

    def control(self) -> APIRouter:
        return control.router(self.state, self._sms)

    def mailbox(self) -> SnsMailbox:
        return SnsMailbox(self.state)

    def pages(self) -> APIRouter:
        return APIRouter()

    def open(self, request: Request) -> Call | Reply:
        try:
            account = self._authenticate(request)
            form = _form(request.body)
            action = form.get("Action", "")
            handler = self._handler(action, form)
        except Refused as refusal:
            return refusal.reply

        def run() -> Reply:
            try:
                return handler(account, form)
            except Refused as refusal:
                return refusal.reply

        return Call(action, account.access_key_id, run)

    def busy(self) -> Reply:
        return errors.trouble(503)  # no two requests are ever twins: there is no key

    def trouble(self, status: int) -> Reply:
        return errors.trouble(status)

    def _handler(self, action: str, form: Mapping[str, str]) -> Handler:
        handler = self._actions.get(action)
        if handler is None or form.get("Version") != _VERSION:
            raise Refused(400, "InvalidAction", f"Could not find operation {action} for version {form.get('Version')}")
        return handler

    def _authenticate(self, request: Request) -> Account:
        """The signature's form, its date and its key are looked at; it is not computed again."""
        signed = _SIGNED.fullmatch(request.headers.get(b"authorization", b""))
        if signed is None or b"x-amz-date" not in request.headers:
            raise Refused(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        account = self.state.accounts.get(signed["key"].decode())
        if account is None:
            raise Refused(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        if signed["region"].decode() != account.region:
            raise Refused(
                403, "SignatureDoesNotMatch", f"Credential should be scoped to a valid region: {account.region}"
            )
        return account

    def _publish(self, account: Account, form: Mapping[str, str]) -> Reply:
        if "TopicArn" in form or "TargetArn" in form:
            raise invalid("TopicArn", "this simulator publishes to phone numbers only")
        message = self._sms.publish(
            account, form.get("PhoneNumber", ""), form.get("Message", ""), _attributes(form, "MessageAttributes")
        )
        return result("Publish", f"<MessageId>{message.id}</MessageId>")

    def _is_opted_out(self, account: Account, form: Mapping[str, str]) -> Reply:
        if not account.may_ask_opt_outs:
            raise Refused(
                403, "AuthorizationError", "User is not authorized to perform: SNS:CheckIfPhoneNumberIsOptedOut"
            )
        is_out = str(form.get("phoneNumber", "") in account.opted_out).lower()
        return result("CheckIfPhoneNumberIsOptedOut", f"<isOptedOut>{is_out}</isOptedOut>")

    def _list_opted_out(self, account: Account, _form: Mapping[str, str]) -> Reply:
        numbers = "".join(f"<member>{escape(number)}</member>" for number in account.opted_out)
        return result("ListPhoneNumbersOptedOut", f"<phoneNumbers>{numbers}</phoneNumbers>")

    def _opt_in(self, account: Account, form: Mapping[str, str]) -> Reply:
        left = tuple(number for number in account.opted_out if number != form.get("phoneNumber"))
        self.state.put_account(account.model_copy(update={"opted_out": left}))
        return result("OptInPhoneNumber", "")

    def _get_attributes(self, account: Account, _form: Mapping[str, str]) -> Reply:
        settings = {"MonthlySpendLimit": "1", "UsageReportS3Bucket": "", **self.state.settings[account.access_key_id]}
        entries = "".join(
            f"<entry><key>{escape(name)}</key><value>{escape(value)}</value></entry>"
            for name, value in settings.items()
        )
        return result("GetSMSAttributes", f"<attributes>{entries}</attributes>")

    def _set_attributes(self, account: Account, form: Mapping[str, str]) -> Reply:
        number = 1
        while (name := form.get(f"attributes.entry.{number}.key")) is not None:
            self.state.settings[account.access_key_id][name] = form.get(f"attributes.entry.{number}.value", "")
            number += 1
        return result("SetSMSAttributes", "")

    def _sandbox_status(self, account: Account, _form: Mapping[str, str]) -> Reply:
        return result("GetSMSSandboxAccountStatus", f"<IsInSandbox>{str(account.in_sms_sandbox).lower()}</IsInSandbox>")


def _form(raw: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Refused(400, "MalformedQueryString", "The query string is malformed") from None


def _attributes(form: Mapping[str, str], name: str) -> dict[str, str]:
    """`MessageAttributes.entry.1.Name`, `….Value.DataType`, `….Value.StringValue`. Raises Refused."""
    found: dict[str, str] = {}
    number = 1
    while (key := form.get(f"{name}.entry.{number}.Name")) is not None:
        value = form.get(f"{name}.entry.{number}.Value.StringValue")
        kind = form.get(f"{name}.entry.{number}.Value.DataType")
        if not value or kind not in ("String", "Number"):
            raise Refused(
                400, "ParameterValueInvalid", f"The message attribute '{key}' must contain a value of its type."
            )
        found[key] = value
        number += 1
    return found
