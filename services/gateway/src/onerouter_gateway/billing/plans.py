"""`/v1/plans` and `/v1/customers`."""

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts import payment_resources as contracts
from onerouter_common.errors import InvalidRequest
from onerouter_common.ids import CUSTOMER, PLAN
from onerouter_common.money import parse_currency, parse_major
from onerouter_gateway.billing.schemas import Customer, CustomerCreate, CustomerList, Plan, PlanCreate, PlanList
from onerouter_gateway.edge.documentation import command, listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.payment_resources import create, read_one, read_page
from onerouter_gateway.payments.endpoints import WRITE, check_provider


@endpoint(command("Create a plan", PlanCreate, Plan, created=True))
async def create_plan(request: Request) -> Response:
    """Makes the plan at the provider that the environment's route chooses; its subscriptions then live there, too."""
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, WRITE)
    wanted = validate(PlanCreate, asked.body)
    check_provider(gateway, asked, wanted.provider)
    currency = parse_currency(wanted.currency or asked.principal.default_currency)
    payload = contracts.CreatePlan(
        name=wanted.name,
        amount_minor=parse_major(wanted.amount, currency).amount_minor,
        currency=currency,
        interval=wanted.interval,
        interval_count=wanted.interval_count,
        trial_days=wanted.trial_days,
        description=wanted.description,
        provider=wanted.provider,
        notes=wanted.notes,
        metadata=wanted.metadata,
    )
    return await create(request, asked, wanted, payload, operation="plan.create", route="POST /v1/plans", prefix=PLAN)


@endpoint(listing("List plans", PlanList, status="Only with this status.", provider="Only of this provider."))
async def list_plans(request: Request) -> Response:
    """Newest first. Follow `next_cursor` while `has_more`."""
    return await read_page(request, "plan")


@endpoint(query("Get a plan", Plan))
async def get_plan(request: Request) -> Response:
    """By our id or the provider's."""
    return await read_one(request, "plan", request.path_params["plan_id"])


@endpoint(command("Create a customer", CustomerCreate, Customer, created=True))
async def create_customer(request: Request) -> Response:
    """Remembers a payer at the provider that the environment's route chooses."""
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, WRITE)
    wanted = validate(CustomerCreate, asked.body)
    check_provider(gateway, asked, wanted.provider)
    if not (wanted.name or wanted.email or wanted.phone):
        raise InvalidRequest.of("email", "is needed where neither name nor phone is given")
    payload = contracts.CreateCustomer(
        name=wanted.name,
        email=wanted.email,
        phone=wanted.phone,
        provider=wanted.provider,
        notes=wanted.notes,
        metadata=wanted.metadata,
    )
    return await create(
        request, asked, wanted, payload, operation="customer.create", route="POST /v1/customers", prefix=CUSTOMER
    )


@endpoint(listing("List customers", CustomerList, status="Only with this status.", provider="Only of this provider."))
async def list_customers(request: Request) -> Response:
    """Newest first. Follow `next_cursor` while `has_more`."""
    return await read_page(request, "customer")


@endpoint(query("Get a customer", Customer))
async def get_customer(request: Request) -> Response:
    """By our id or the provider's."""
    return await read_one(request, "customer", request.path_params["customer_id"])
