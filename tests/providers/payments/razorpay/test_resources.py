"""Razorpay does what every provider must with plans, customers, subscriptions, links, methods, vendors and transfers."""

from onerouter_providers.testing.resources_suite import ResourcesSuite


class TestRazorpayResources(ResourcesSuite):
    account_details = {
        "account_number": "77780020203008",
        "ifsc": "HDFC0000317",
        "account_holder": "Asha Rao Chairs",
        "category": "ecommerce",
        "subcategory": "furniture",
        "street1": "507, 1st block of Koramangala",
        "city": "Bengaluru",
        "state": "KARNATAKA",
        "postal_code": "560034",
    }
    asked_first = frozenset({"plan", "subscription", "transfer"})
    only_repeated = frozenset({"vendor"})
    told_without_reference = frozenset({"vendor"})
