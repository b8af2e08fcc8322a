"""What the real path is compared with: a direct proxy, and an empty Kafka round trip. Each is a process of its own.

    python -m tests.bench.peers proxy <port>      the gateway's door and the worker's provider client, nothing in between
    python -m tests.bench.peers echo <port>       a route that publishes and waits for the reply
    python -m tests.bench.peers echo-worker       replies to what `echo` publishes, and does nothing else

Settings come from the environment, as the gateway and the payments service read them.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common import logging
from onerouter_common.clock import SystemClock
from onerouter_common.contracts.topics import Topic
from onerouter_common.ids import OPERATION, PAYMENT, new_id
from onerouter_common.money import parse_currency, parse_major
from onerouter_common.registry_client import RegistryClient
from onerouter_common.web import problems
from onerouter_gateway.authentication.address import UNKNOWN
from onerouter_gateway.authentication.authenticator import Authenticator, require_scope
from onerouter_gateway.authentication.principals import PrincipalCache
from onerouter_gateway.edge.json_body import parse_object, read_body
from onerouter_gateway.edge.pan import refuse_card_numbers
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.payments.schemas import PaymentCreate
from onerouter_gateway.settings import Settings as GatewaySettings
from onerouter_payments.payment.operations import PaymentCreate as CreateHandler
from onerouter_payments.payment.settlement import Views
from onerouter_payments.settings import Settings as PaymentsSettings
from onerouter_providers.capability import PaymentRequest
from onerouter_providers.connections import ProviderConnections
from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers

REQUESTS = Topic("bench.requests.v1", 6, 600_000)
ANSWERS = Topic("bench.answers.v1", 1, 600_000)


def proxy() -> FastAPI:
    """Authenticate, validate, call the provider, answer: with the same code as the real path."""
    gateway, payments = GatewaySettings(), PaymentsSettings()
    clock = SystemClock()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            registry = await stack.enter_async_context(
                RegistryClient(str(gateway.registry_url), gateway.internal_tokens)
            )
            http = await stack.enter_async_context(open_pool())
            kms = await stack.enter_async_context(payments.open_kms())
            app.state.connections = ProviderConnections(
                registry,
                payments.credential_rings(kms),
                Providers.load(),
                http,
                base_urls=payments.provider_base_urls,
            )
            principals = PrincipalCache(registry.introspect, lambda: True, ttl_s=60, unknown_ttl_s=5, size=1000)
            app.state.authenticator = Authenticator(principals, gateway.api_key_pepper, clock)
            yield

    app = FastAPI(lifespan=lifespan)
    problems.install(app)
    handler = CreateHandler(Views({}), clock)

    @app.post("/v1/payments")
    async def create(request: Request) -> Response:
        caller = await app.state.authenticator.authenticate(request.headers, UNKNOWN)
        require_scope(caller.principal, "payments:write")
        raw = await read_body(request, max_bytes=1 << 20)
        body = parse_object(raw, request.headers.get("content-type", ""))
        refuse_card_numbers(body)
        wanted = validate(PaymentCreate, body)
        amount = parse_major(wanted.amount, parse_currency(wanted.currency or "INR"))
        principal = caller.principal
        where = (principal.tenant_id, principal.environment, "payments")
        [first, *_] = (await app.state.connections.route(*where)).candidates
        connection = await app.state.connections.get(*where, first.connection_id)
        asked = PaymentRequest(new_id(PAYMENT), amount, notes=wanted.notes, receipt=wanted.receipt)
        made = await handler.call(connection.client, asked, new_id(OPERATION))
        return Response(
            b'{"id":"%s","order":"%s"}' % (asked.payment_id.encode(), str(made.provider_order_id).encode()), 201
        )

    return app


def echo() -> FastAPI:
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    waiting: dict[bytes, asyncio.Future[bytes]] = {}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True)
        await producer.start()
        consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
        await consumer.start()
        partition = TopicPartition(ANSWERS.name, 0)
        consumer.assign([partition])
        await consumer.seek_to_end(partition)
        await consumer.position(partition)

        async def read() -> None:
            while True:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    for record in records:
                        waiter = waiting.pop(record.key, None)
                        if waiter is not None:
                            waiter.set_result(record.value)

        reading = asyncio.create_task(read())
        app.state.producer = producer
        yield
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        await consumer.stop()
        await producer.stop()

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/payments")
    async def create(request: Request) -> Response:
        key = new_id(OPERATION).encode()
        waiter = waiting[key] = asyncio.get_running_loop().create_future()
        await app.state.producer.send(REQUESTS.name, await request.body(), key=key)
        return Response(await waiter, 201)

    return app


async def echo_worker() -> None:
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True)
    await producer.start()
    consumer = AIOKafkaConsumer(
        REQUESTS.name,
        bootstrap_servers=servers,
        group_id="bench-echo",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        while True:
            batches = await consumer.getmany(timeout_ms=1000, max_records=256)
            for records in batches.values():
                for record in records:
                    await producer.send(ANSWERS.name, record.value, key=record.key, partition=0)
            if batches:
                await consumer.commit()
    finally:
        await consumer.stop()
        await producer.stop()


def main() -> None:
    logging.configure("bench", "WARNING")
    if sys.argv[1] == "echo-worker":
        uvloop.run(echo_worker())
        return
    app = {"proxy": proxy, "echo": echo}[sys.argv[1]]()
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
