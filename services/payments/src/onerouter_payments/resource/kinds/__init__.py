"""The kinds of resources, one a file."""

from collections.abc import Mapping
from typing import Final

from onerouter_payments.resource.kind import Kind
from onerouter_payments.resource.kinds.customer import CUSTOMER_KIND
from onerouter_payments.resource.kinds.payment_link import PAYMENT_LINK_KIND
from onerouter_payments.resource.kinds.payment_method import PAYMENT_METHOD_KIND
from onerouter_payments.resource.kinds.plan import PLAN_KIND
from onerouter_payments.resource.kinds.subscription import SUBSCRIPTION_KIND
from onerouter_payments.resource.kinds.transfer import TRANSFER_KIND
from onerouter_payments.resource.kinds.vendor import VENDOR_KIND

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        PLAN_KIND,
        CUSTOMER_KIND,
        SUBSCRIPTION_KIND,
        PAYMENT_LINK_KIND,
        PAYMENT_METHOD_KIND,
        VENDOR_KIND,
        TRANSFER_KIND,
    )
}
