"""`onerouter admin routing`."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.routing.schemas import ExplainBody, ExplanationView, PolicyBody, RoutingView
from onerouter_server.admin.session import EnvironmentOption, TenantOption, carry_out, fail, notes

app = typer.Typer(help="Which connection an operation takes.", no_args_is_help=True)

BodyT = TypeVar("BodyT", bound=BaseModel)
CategoryOption = Annotated[str, typer.Option(help="payments, …")]


@app.command("show")
def show(tenant: TenantOption, environment: EnvironmentOption = "test", category: CategoryOption = "payments") -> None:
    """A category's policy and connections, as JSON."""
    _print(RoutingView.of(carry_out(lambda admin: admin.routing.get(tenant, environment, category))))


@app.command("set")
def replace(
    tenant: TenantOption,
    file: Annotated[
        str, typer.Argument(help="The policy as JSON, as PUT /api/routing takes it; - reads standard input.")
    ],
    environment: EnvironmentOption = "test",
    category: CategoryOption = "payments",
) -> None:
    """Replace a category's policy; `{}` goes back to the order of priority."""
    body = _read(PolicyBody, _text(file))
    made = carry_out(
        lambda admin: admin.routing.replace(
            tenant, environment, category, body.policy(), expected_version=body.version, by=COMMAND_LINE
        )
    )
    notes.print(f"The policy for {category} is now version {made.policy.version}.")


@app.command("explain")
def explain(
    tenant: TenantOption,
    environment: EnvironmentOption = "test",
    category: CategoryOption = "payments",
    capability: Annotated[str, typer.Option(help="What is to be done.")] = "payment.create",
    currency: Annotated[str | None, typer.Option(help="ISO 4217.")] = None,
    amount: Annotated[str | None, typer.Option(help="Major units: 499.00.")] = None,
    country: Annotated[str | None, typer.Option(help="The customer's, ISO 3166 alpha-2.")] = None,
    method: Annotated[str | None, typer.Option(help="card, upi, …")] = None,
    channel: Annotated[str | None, typer.Option(help="In the tenant's own words.")] = None,
    metadata: Annotated[list[str] | None, typer.Option(help="key=value")] = None,
    provider: Annotated[str | None, typer.Option(help="As if the request named it.")] = None,
    ordering_key: Annotated[str | None, typer.Option(help="A payment's id: which side of a split it takes.")] = None,
) -> None:
    """Where an operation would go, and why not elsewhere, as JSON; sends nothing."""
    asked = {
        "category": category,
        "capability": capability,
        "currency": currency,
        "amount": amount,
        "country": country,
        "method": method,
        "channel": channel,
        "metadata": dict(_pair(one) for one in metadata or []),
        "provider": provider,
        "ordering_key": ordering_key,
    }
    body = _read(ExplainBody, json.dumps(asked))
    _print(
        ExplanationView.of(
            carry_out(lambda admin: admin.routing.explain(tenant, environment, body.category, body.request()))
        )
    )


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read ({type(error).__name__}).")


def _read(kind: type[BodyT], text: str) -> BodyT:
    try:
        return kind.model_validate_json(text)
    except ValidationError as problem:
        errors = problem.errors(include_input=False, include_url=False, include_context=False)
        fail(*(f"{'.'.join(str(part) for part in error['loc']) or 'the policy'}: {error['msg']}" for error in errors))


def _pair(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        fail("--metadata must be key=value.")
    return name, value


def _print(view: BaseModel) -> None:
    typer.echo(view.model_dump_json(indent=2))
