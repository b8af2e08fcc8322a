# Written by scripts/make_sync.py from _resources.py: change that, then `make sdk`.
"""Where the resources hang. Each is made when it is first used, so that an import costs nothing."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from onerouter._sync._base import SyncBase

if TYPE_CHECKING:
    from onerouter._sync._typed import (
        SyncCustomers,
        SyncEmail,
        SyncMarketplace,
        SyncPaymentLinks,
        SyncPaymentMethods,
        SyncPayments,
        SyncPlans,
        SyncRefunds,
        SyncSavedPaymentMethods,
        SyncSms,
        SyncStorage,
        SyncSubscriptions,
    )
    from onerouter._sync.resources.deliveries import SyncDeliveries
    from onerouter._sync.resources.event_types import SyncEventTypes
    from onerouter._sync.resources.events import SyncEvents
    from onerouter._sync.resources.operations import SyncOperations
    from onerouter._sync.resources.services import SyncServices
    from onerouter._sync.resources.suppressions import SyncSuppressions
    from onerouter._sync.resources.templates import SyncTemplates
    from onerouter._sync.resources.webhook_endpoints import SyncWebhookEndpoints


class SyncResources(SyncBase):
    """The parts of the API, by name."""

    @cached_property
    def payments(self) -> SyncPayments:
        from onerouter._sync.resources.payments import SyncPayments

        return SyncPayments(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def refunds(self) -> SyncRefunds:
        from onerouter._sync.resources.refunds import SyncRefunds

        return SyncRefunds(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def subscriptions(self) -> SyncSubscriptions:
        from onerouter._sync.resources.subscriptions import SyncSubscriptions

        return SyncSubscriptions(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def plans(self) -> SyncPlans:
        from onerouter._sync.resources.plans import SyncPlans

        return SyncPlans(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def customers(self) -> SyncCustomers:
        from onerouter._sync.resources.customers import SyncCustomers

        return SyncCustomers(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def payment_links(self) -> SyncPaymentLinks:
        from onerouter._sync.resources.payment_links import SyncPaymentLinks

        return SyncPaymentLinks(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def payment_methods(self) -> SyncPaymentMethods:
        from onerouter._sync.resources.payment_methods import SyncPaymentMethods

        return SyncPaymentMethods(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def saved_payment_methods(self) -> SyncSavedPaymentMethods:
        from onerouter._sync.resources.saved_payment_methods import SyncSavedPaymentMethods

        return SyncSavedPaymentMethods(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def marketplace(self) -> SyncMarketplace:
        from onerouter._sync.resources.marketplace import SyncMarketplace

        return SyncMarketplace(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def sms(self) -> SyncSms:
        from onerouter._sync.resources.sms import SyncSms

        return SyncSms(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def email(self) -> SyncEmail:
        from onerouter._sync.resources.email import SyncEmail

        return SyncEmail(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def templates(self) -> SyncTemplates:
        from onerouter._sync.resources.templates import SyncTemplates

        return SyncTemplates(self)

    @cached_property
    def suppressions(self) -> SyncSuppressions:
        from onerouter._sync.resources.suppressions import SyncSuppressions

        return SyncSuppressions(self)

    @cached_property
    def storage(self) -> SyncStorage:
        from onerouter._sync.resources.storage import SyncStorage

        return SyncStorage(self)  # type: ignore[return-value]  # as `_typed` describes it

    @cached_property
    def events(self) -> SyncEvents:
        from onerouter._sync.resources.events import SyncEvents

        return SyncEvents(self)

    @cached_property
    def event_types(self) -> SyncEventTypes:
        from onerouter._sync.resources.event_types import SyncEventTypes

        return SyncEventTypes(self)

    @cached_property
    def webhook_endpoints(self) -> SyncWebhookEndpoints:
        from onerouter._sync.resources.webhook_endpoints import SyncWebhookEndpoints

        return SyncWebhookEndpoints(self)

    @cached_property
    def deliveries(self) -> SyncDeliveries:
        from onerouter._sync.resources.deliveries import SyncDeliveries

        return SyncDeliveries(self)

    @cached_property
    def operations(self) -> SyncOperations:
        from onerouter._sync.resources.operations import SyncOperations

        return SyncOperations(self)

    @cached_property
    def services(self) -> SyncServices:
        from onerouter._sync.resources.services import SyncServices

        return SyncServices(self)
