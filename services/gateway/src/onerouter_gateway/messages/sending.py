"""From what was asked of a message to the intent: when, by whom, with which template. Shared by SMS and email."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.messages import TemplateUse
from onerouter_common.errors import FieldError, InvalidRequest, ServiceNotConfigured
from onerouter_gateway.admission import Writing
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.commands.wait import Asked
from onerouter_gateway.edge.pan import Screening
from onerouter_gateway.gateway import Gateway, gateway_of
from onerouter_gateway.messages.channel import Channel
from onerouter_gateway.messages.schemas import Sends
from onerouter_gateway.payments.endpoints import check_known, check_provider

_FARTHEST: Final = timedelta(days=35)
_CLOCKS: Final = timedelta(seconds=60)
"""What callers' clocks may be behind ours, their requests' way included."""

Prepared = Intent | Response
"""What is to be carried out, or the answer that an earlier request of the same key got."""


async def earlier(
    request: Request, asked: Writing, intent: Intent, wanted: Sends, *, has_files: bool = False
) -> Response | None:
    """What a repeat gets, where the request is checked against things that change (templates, and the time), or has files,
    which are not kept for what is refused.
    """
    if wanted.template_id is None and wanted.send_at is None and not has_files:
        return None
    return await gateway_of(request).commands.repeated(intent, asked.asked, request)


async def admit_and_carry_out(
    request: Request,
    prepare: Callable[[Request, Writing, Mapping[str, Any]], Awaitable[Prepared]],
    *any_of_scopes: str,
    screening: Screening,
    nested: Sequence[str] = (),
) -> Response:
    """From the request to its answer. Raises what is wrong with it."""
    admission = gateway_of(request).admission
    if not screening.files:
        asked = await admission.write(request, *any_of_scopes, screening=screening, nested=nested)
        return await carry_out(request, await prepare(request, asked, asked.body), asked.asked)
    async with admission.write_large(request, *any_of_scopes, screening=screening, nested=nested) as asked:
        ready, how = await prepare(request, asked, asked.body), asked.asked
    del asked  # the files with it: nobody waits for a provider with megabytes in his hands
    return await carry_out(request, ready, how)


async def carry_out(request: Request, ready: Prepared, how: Asked) -> Response:
    """What is prepared, whichever door it came in by."""
    return ready if isinstance(ready, Response) else await gateway_of(request).commands.carry_out(ready, how, request)


def check_route(gateway: Gateway, asked: Writing, channel: Channel, wanted: Sends) -> None:
    """Refuse at once what no route can serve. Raises InvalidRequest or ServiceNotConfigured."""
    if wanted.provider is not None and wanted.providers:
        raise InvalidRequest.of("providers", "cannot be there beside provider")
    check_provider(gateway, asked, wanted.provider, category=channel.name)
    for index, provider in enumerate(wanted.providers):
        check_known(gateway, provider, category=channel.name, field=f"providers.{index}")
    connected = asked.principal.services.get(channel.name, ())
    is_here = asked.environment == asked.principal.environment
    if wanted.providers and is_here and not any(one in connected for one in wanted.providers):
        raise ServiceNotConfigured(f"None of providers is connected in the {asked.environment} environment.")


def check_moment(send_at: datetime | None, now: datetime) -> None:
    """Raises InvalidRequest."""
    if send_at is None:
        return
    if send_at < now - _CLOCKS:
        raise InvalidRequest.of("send_at", "is in the past")
    if send_at > now + _FARTHEST:
        raise InvalidRequest.of("send_at", f"must be at most {_FARTHEST.days} days ahead")


def check_texts(wanted: Sends, texts: Mapping[str, str | None], *, provider_template: str | None = None) -> None:
    """One source of the text, and only one. Raises InvalidRequest."""
    given = [name for name, text in texts.items() if text is not None]
    sources = [
        name
        for name, is_there in (
            (given[0] if given else "", bool(given)),
            ("template_id", wanted.template_id is not None),
            ("provider_template", provider_template is not None),
        )
        if is_there
    ]
    if len(sources) > 1:
        raise InvalidRequest.of(sources[1], f"cannot be there beside {sources[0]}")
    has_template = wanted.template_id is not None or provider_template is not None
    if provider_template is not None and wanted.provider is None:
        raise InvalidRequest.of("provider", "is required with provider_template: only there it is known")
    if wanted.template_version is not None and wanted.template_id is None:
        raise InvalidRequest.of("template_version", "needs a template_id")
    if wanted.variables and not has_template:
        raise InvalidRequest.of("variables", "need a template_id: texts that are sent as they are have none")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The template of a request, if it has one."""

    use: TemplateUse | None = None
    schema: Mapping[str, Any] = field(default_factory=dict)
    """Of its variables; `required` names those that it cannot do without, also within others."""

    def check(self, own: Mapping[str, Any]) -> None:
        """Of one recipient, who may bring variables of its own. Raises InvalidRequest."""
        if self.use is None:
            return
        missing = list(_missing(self.schema, {**self.use.variables, **own}, "variables"))
        if missing:
            raise of_many([FieldError(name, "is required by the template") for name in missing])


def _missing(schema: Mapping[str, Any], given: Mapping[str, Any], at: str) -> Iterator[str]:
    """Where something is required and not given."""
    for name in schema.get("required", ()):
        if name not in given:
            yield f"{at}.{name}"
    for name, value in given.items():
        if isinstance(value, Mapping):
            yield from _missing(schema.get("properties", {}).get(name, {}), value, f"{at}.{name}")


async def chosen_template(gateway: Gateway, asked: Writing, channel: Channel, wanted: Sends) -> Chosen:
    """The template and its version, which from now on is this message's. Raises InvalidRequest or Overloaded."""
    if wanted.template_id is None:
        return Chosen()
    version = wanted.template_version
    answer = await gateway.messaging.get(
        f"/internal/templates/{channel.name}/{wanted.template_id}/published",
        tenant_id=asked.principal.tenant_id,
        environment=asked.environment,
        query="" if version is None else f"version={version}",
    )
    if not answer.is_success:
        if version is None:
            raise InvalidRequest.of("template_id", f"is no published {channel.noun} template of this environment")
        raise InvalidRequest.of("template_version", f"is no published version of such an {channel.noun} template")
    found: Mapping[str, Any] = answer.json()
    use = TemplateUse(template_id=found["id"], version=found["version"], variables=wanted.variables)
    return Chosen(use, found["variables"])


async def sendable(gateway: Gateway, asked: Writing, channel: Channel, wanted: Sends) -> Chosen:
    """The template of what can be sent when, and by whom, it is to be sent. Raises what the three checks do."""
    check_moment(wanted.send_at, datetime.now(UTC))
    check_route(gateway, asked, channel, wanted)
    return await chosen_template(gateway, asked, channel, wanted)


def carrying(intent: Intent, command: Contract, priority: str) -> Intent:
    """The intent with what is to be done."""
    payload = command.model_dump(mode="json", exclude_none=True)
    return replace(intent, payload=payload, priority=int(priority == "bulk"))


def common_fields(wanted: Sends, template: Chosen, *, priority: str) -> dict[str, Any]:
    """The fields of a command that SMS and email share."""
    return {
        "provider": wanted.provider,
        "providers": list(wanted.providers),
        "template": template.use,
        "metadata": wanted.metadata,
        "tags": list(dict.fromkeys(wanted.tags)),
        "priority": wanted.priority or priority,
        "send_at": wanted.send_at,
        "override_suppression": wanted.suppression_override.reason if wanted.suppression_override else None,
    }


def of_many(errors: Sequence[FieldError], most: int = 20) -> InvalidRequest:
    """One error about several fields."""
    told = tuple(errors[:most])
    sentence = "; ".join(f"{one.field} {one.message}" for one in told[:5])
    return InvalidRequest(f"{sentence}.", errors=told)
