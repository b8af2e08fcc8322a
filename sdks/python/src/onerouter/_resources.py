"""Where the resources hang. Each is made when it is first used, so that an import costs nothing."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from onerouter._base import AsyncBase

if TYPE_CHECKING:
    from onerouter._typed import (
        AsyncCustomers,
        AsyncEmail,
        AsyncMarketplace,
        AsyncPaymentLinks,
        AsyncPaymentMethods,
        AsyncPayments,
        AsyncPlans,
        AsyncRefunds,
        AsyncSavedPaymentMethods,
        AsyncSms,
        AsyncStorage,
        AsyncSubscriptions,
    )
    from onerouter.resources.deliveries import AsyncDeliveries
    from onerouter.resources.event_types import AsyncEventTypes
    from onerouter.resources.events import AsyncEvents
    from onerouter.resources.operations import AsyncOperations
    from onerouter.resources.services import AsyncServices
    from onerouter.resources.suppressions import AsyncSuppressions
    from onerouter.resources.templates import AsyncTemplates
    from onerouter.resources.webhook_endpoints import AsyncWebhookEndpoints


class AsyncResources(AsyncBase):
    """The parts of the API, by name."""

    @cached_property
    def payments(self) -> AsyncPayments:
        from onerouter.resources.payments import AsyncPayments

        return AsyncPayments(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def refunds(self) -> AsyncRefunds:
        from onerouter.resources.refunds import AsyncRefunds

        return AsyncRefunds(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def subscriptions(self) -> AsyncSubscriptions:
        from onerouter.resources.subscriptions import AsyncSubscriptions

        return AsyncSubscriptions(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def plans(self) -> AsyncPlans:
        from onerouter.resources.plans import AsyncPlans

        return AsyncPlans(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def customers(self) -> AsyncCustomers:
        from onerouter.resources.customers import AsyncCustomers

        return AsyncCustomers(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def payment_links(self) -> AsyncPaymentLinks:
        from onerouter.resources.payment_links import AsyncPaymentLinks

        return AsyncPaymentLinks(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def payment_methods(self) -> AsyncPaymentMethods:
        from onerouter.resources.payment_methods import AsyncPaymentMethods

        return AsyncPaymentMethods(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def saved_payment_methods(self) -> AsyncSavedPaymentMethods:
        from onerouter.resources.saved_payment_methods import AsyncSavedPaymentMethods

        return AsyncSavedPaymentMethods(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def marketplace(self) -> AsyncMarketplace:
        from onerouter.resources.marketplace import AsyncMarketplace

        return AsyncMarketplace(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def sms(self) -> AsyncSms:
        from onerouter.resources.sms import AsyncSms

        return AsyncSms(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def email(self) -> AsyncEmail:
        from onerouter.resources.email import AsyncEmail

        return AsyncEmail(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def templates(self) -> AsyncTemplates:
        from onerouter.resources.templates import AsyncTemplates

        return AsyncTemplates(self)

    @cached_property
    def suppressions(self) -> AsyncSuppressions:
        from onerouter.resources.suppressions import AsyncSuppressions

        return AsyncSuppressions(self)

    @cached_property
    def storage(self) -> AsyncStorage:
        from onerouter.resources.storage import AsyncStorage

        return AsyncStorage(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def events(self) -> AsyncEvents:
        from onerouter.resources.events import AsyncEvents

        return AsyncEvents(self)

    @cached_property
    def event_types(self) -> AsyncEventTypes:
        from onerouter.resources.event_types import AsyncEventTypes

        return AsyncEventTypes(self)

    @cached_property
    def webhook_endpoints(self) -> AsyncWebhookEndpoints:
        from onerouter.resources.webhook_endpoints import AsyncWebhookEndpoints

        return AsyncWebhookEndpoints(self)

    @cached_property
    def deliveries(self) -> AsyncDeliveries:
        from onerouter.resources.deliveries import AsyncDeliveries

        return AsyncDeliveries(self)

    @cached_property
    def operations(self) -> AsyncOperations:
        from onerouter.resources.operations import AsyncOperations

        return AsyncOperations(self)

    @cached_property
    def services(self) -> AsyncServices:
        from onerouter.resources.services import AsyncServices

        return AsyncServices(self)
