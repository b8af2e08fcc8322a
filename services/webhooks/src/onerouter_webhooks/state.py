"""What the lifespan opens and requests use."""

from dataclasses import dataclass
from typing import cast

from fastapi import Request

from onerouter_common.db.engine import Pool
from onerouter_webhooks.callback.service import ReceiveCallback
from onerouter_webhooks.callback.stored.redaction import RedactCallbacks
from onerouter_webhooks.callback.stored.replay import ReplayCallbacks
from onerouter_webhooks.delivery.access import DeliveryAccess
from onerouter_webhooks.delivery.worker import DeliveryWorker
from onerouter_webhooks.endpoint.service import EndpointService
from onerouter_webhooks.endpoint.trial import Trials
from onerouter_webhooks.event.access import EventAccess
from onerouter_webhooks.event.consumers import EventConsumer
from onerouter_webhooks.event.streams import EventStreams
from onerouter_webhooks.recovery.service import RecoveryAccess


@dataclass(frozen=True, slots=True)
class Services:
    receive: ReceiveCallback
    replay: ReplayCallbacks
    redact: RedactCallbacks
    endpoints: EndpointService
    trials: Trials
    events: EventAccess
    streams: EventStreams
    deliveries: DeliveryAccess
    recoveries: RecoveryAccess
    worker: DeliveryWorker
    consumer: EventConsumer
    pool: Pool


def services_of(request: Request) -> Services:
    """Of the app that got the request; they exist from the end of its start-up to its end."""
    return cast(Services, request.app.state.services)
