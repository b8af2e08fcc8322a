# Written by scripts/make_typed.py from resources/*.py: change those, then `make sdk`.
"""Resources as type checkers see them: what is not waited for comes back as `Accepted`."""

# mypy: disable-error-code="overload-overlap"
# What is false is also a bool, and a number: the first that fits is taken.

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, overload

from typing_extensions import Unpack

from onerouter import types
from onerouter._object import Accepted
from onerouter._options import NOT_GIVEN, NotGiven, NotWaitingOptions, RequestOptions
from onerouter.resources import customers as _customers
from onerouter.resources import email as _email
from onerouter.resources import marketplace as _marketplace
from onerouter.resources import payment_links as _payment_links
from onerouter.resources import payment_methods as _payment_methods
from onerouter.resources import payments as _payments
from onerouter.resources import plans as _plans
from onerouter.resources import refunds as _refunds
from onerouter.resources import saved_payment_methods as _saved_payment_methods
from onerouter.resources import sms as _sms
from onerouter.resources import storage as _storage
from onerouter.resources import subscriptions as _subscriptions
from onerouter.resources import uploads as _uploads
from onerouter.types.params import (
    Address,
    Amount,
    AttachmentIn,
    CompletedPart,
    CustomerDetails,
    EmailBulkItem,
    SmsBulkItem,
    SplitConfig,
    SplitPart,
    SuppressionOverride,
)

class AsyncCustomers(_customers.AsyncCustomers):
    @overload
    async def create(
        self,
        *,
        email: str | None = None,
        metadata: Mapping[str, str] | None = None,
        name: str | None = None,
        notes: Mapping[str, str] | None = None,
        phone: str | None = None,
        provider: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def create(
        self,
        *,
        email: str | None = None,
        metadata: Mapping[str, str] | None = None,
        name: str | None = None,
        notes: Mapping[str, str] | None = None,
        phone: str | None = None,
        provider: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Customer:
        """Create a customer.

        Remembers a payer at the provider that the environment's route chooses.

        Args:
            metadata: Yours; kept with it and in its events.
            notes: Shown at the provider.
            provider: Only this provider. Absent: your route decides.
        """

class AsyncEmail(_email.AsyncEmail):
    @overload
    async def send(
        self,
        to: str | Address | Sequence[str | Address],
        subject: str | None = None,
        html_body: str | None = None,
        text_body: str | None = None,
        from_email: str | Address | None = None,
        *,
        attachments: Sequence[AttachmentIn] | None = None,
        bcc: str | Address | Sequence[str | Address] | None = None,
        cc: str | Address | Sequence[str | Address] | None = None,
        from_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
        priority: Literal["transactional", "bulk"] | None = None,
        provider: str | None = None,
        provider_template: str | None = None,
        providers: Sequence[str] | None = None,
        reply_to: str | Address | Sequence[str | Address] | None = None,
        send_at: datetime | str | int | None = None,
        suppression_override: SuppressionOverride | None = None,
        tags: Sequence[str] | None = None,
        template_id: str | None = None,
        template_version: int | None = None,
        variables: Mapping[str, object] | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def send(
        self,
        to: str | Address | Sequence[str | Address],
        subject: str | None = None,
        html_body: str | None = None,
        text_body: str | None = None,
        from_email: str | Address | None = None,
        *,
        attachments: Sequence[AttachmentIn] | None = None,
        bcc: str | Address | Sequence[str | Address] | None = None,
        cc: str | Address | Sequence[str | Address] | None = None,
        from_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
        priority: Literal["transactional", "bulk"] | None = None,
        provider: str | None = None,
        provider_template: str | None = None,
        providers: Sequence[str] | None = None,
        reply_to: str | Address | Sequence[str | Address] | None = None,
        send_at: datetime | str | int | None = None,
        suppression_override: SuppressionOverride | None = None,
        tags: Sequence[str] | None = None,
        template_id: str | None = None,
        template_version: int | None = None,
        variables: Mapping[str, object] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Email:
        """Send an email.

        Through the provider that the environment's route chooses; answers once the provider has taken it. With
        `send_at`: once it is stored, and it is sent then.

        Args:
            to: One or many: `ada@example.com`, `Ada <ada@example.com>` or `{"email": …, "name": …}`.
            html_body: With `text_body` or without: then a text is made of it.
            from_email: Of a domain that is yours at the provider. Absent: the connection's own.
            attachments: Up to 20; the whole request has at most 10 MiB.
            headers: Further ones, such as `List-Unsubscribe` or `X-…`; not what has a field here.
            metadata: Yours; kept with the message and in its events.
            priority: `bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`.
            provider: Only this provider. Absent: your route decides.
            provider_template: In place of the text: the id or name of a template at `provider`, which has to be
                given.
            providers: Only these, in this order, whatever your route prefers.
            send_at: Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now.
            suppression_override: Send it although a recipient is on your suppression list.
            tags: Words to find messages by: lists take `tag`.
            template_id: In place of the text: a published template.
            template_version: Absent: the one that is published when the request comes.
            variables: What the template's names stand for.

        Raises ValueError when there is nothing to send: no `html_body`, `text_body` or template.
        """
    @overload
    async def cancel(self, email_id: str, *, wait: Literal[False], **options: Unpack[NotWaitingOptions]) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def cancel(self, email_id: str, **options: Unpack[RequestOptions]) -> types.Email:
        """Cancel an email.

        While it waits for its time: it is not sent. Once the provider has it: where that can take it back, else
        ConflictError is raised.
        """
    @overload
    async def send_bulk(
        self,
        recipients: Sequence[EmailBulkItem],
        *,
        attachments: Sequence[AttachmentIn] | None = None,
        from_email: str | Address | None = None,
        from_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        html_body: str | None = None,
        metadata: Mapping[str, str] | None = None,
        priority: Literal["transactional", "bulk"] | None = None,
        provider: str | None = None,
        provider_template: str | None = None,
        providers: Sequence[str] | None = None,
        reply_to: str | Address | Sequence[str | Address] | None = None,
        send_at: datetime | str | int | None = None,
        subject: str | None = None,
        suppression_override: SuppressionOverride | None = None,
        tags: Sequence[str] | None = None,
        template_id: str | None = None,
        template_version: int | None = None,
        text_body: str | None = None,
        variables: Mapping[str, object] | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def send_bulk(
        self,
        recipients: Sequence[EmailBulkItem],
        *,
        attachments: Sequence[AttachmentIn] | None = None,
        from_email: str | Address | None = None,
        from_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        html_body: str | None = None,
        metadata: Mapping[str, str] | None = None,
        priority: Literal["transactional", "bulk"] | None = None,
        provider: str | None = None,
        provider_template: str | None = None,
        providers: Sequence[str] | None = None,
        reply_to: str | Address | Sequence[str | Address] | None = None,
        send_at: datetime | str | int | None = None,
        subject: str | None = None,
        suppression_override: SuppressionOverride | None = None,
        tags: Sequence[str] | None = None,
        template_id: str | None = None,
        template_version: int | None = None,
        text_body: str | None = None,
        variables: Mapping[str, object] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.EmailBatch:
        """Send email to many.

        Up to 1,000 recipients, each a message of its own that shows no other. Answers once all are stored; those that
        could not be messages are in `rejected`, and stop no other. They give way to what is `transactional`.

        Args:
            recipients: Each is a message of its own.
            attachments: Up to 20; the whole request has at most 10 MiB.
            from_email: Of a domain that is yours at the provider. Absent: the connection's own.
            headers: Further ones, such as `List-Unsubscribe` or `X-…`; not what has a field here.
            html_body: With `text_body` or without: then a text is made of it.
            metadata: Yours; kept with the message and in its events.
            priority: `bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`.
            provider: Only this provider. Absent: your route decides.
            provider_template: In place of the text: the id or name of a template at `provider`, which has to be
                given.
            providers: Only these, in this order, whatever your route prefers.
            send_at: Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now.
            suppression_override: Send it although a recipient is on your suppression list.
            tags: Words to find messages by: lists take `tag`.
            template_id: In place of the text: a published template.
            template_version: Absent: the one that is published when the request comes.
            variables: What the template's names stand for.
        """
    @overload
    async def cancel_batch(
        self, batch_id: str, *, wait: Literal[False], **options: Unpack[NotWaitingOptions]
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def cancel_batch(self, batch_id: str, **options: Unpack[RequestOptions]) -> types.BatchCanceled:
        """Cancel a batch of email.

        Those of its messages that have not left are not sent. Others go on.
        """

class AsyncMarketplace(_marketplace.AsyncMarketplace):
    @overload
    async def create_split_payment(
        self,
        amount: Amount,
        splits: Sequence[SplitPart],
        currency: str | None = "INR",
        *,
        cancel_url: str | None = None,
        customer: CustomerDetails | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        provider: str | None = None,
        receipt: str | None = None,
        return_url: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def create_split_payment(
        self,
        amount: Amount,
        splits: Sequence[SplitPart],
        currency: str | None = "INR",
        *,
        cancel_url: str | None = None,
        customer: CustomerDetails | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        provider: str | None = None,
        receipt: str | None = None,
        return_url: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.SplitPayment:
        """Create a split payment.

        A payment like any other; once it has succeeded, each vendor is given its part by a transfer of its own.

        Args:
            amount: In major units: 499.00 is 499 rupees. At most as many decimals as the currency has.
            currency: ISO 4217 code. None: the default of the key's connections.
            metadata: Yours; kept with it and in its events.
            notes: Shown at the provider.
            provider: Only this provider. Absent: your route decides.
        """
    @overload
    async def create_vendor(
        self,
        name: str,
        vendor_id: str | None = None,
        *,
        account_details: Mapping[str, object] | None = None,
        business_type: str | None = None,
        country: str | None = None,
        email: str | None = None,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        phone: str | None = None,
        provider: str | None = None,
        refresh_url: str | None = None,
        return_url: str | None = None,
        split_config: SplitConfig | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def create_vendor(
        self,
        name: str,
        vendor_id: str | None = None,
        *,
        account_details: Mapping[str, object] | None = None,
        business_type: str | None = None,
        country: str | None = None,
        email: str | None = None,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        phone: str | None = None,
        provider: str | None = None,
        refresh_url: str | None = None,
        return_url: str | None = None,
        split_config: SplitConfig | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Vendor:
        """Add a vendor.

        Opens an account for the vendor at the provider. Where the provider wants the vendor to sign up itself, it
        does so at `onboarding_url`; it can be paid once its status is `active`.

        Args:
            vendor_id: Your own id of it: letters, digits, `_` and `-`.
            account_details: Bank data (`account_number`, `ifsc`, `routing_number`, `iban`, `account_holder`, …).
                Sealed at once, opened for the provider alone, then erased; what is shown is masked. PayPal takes
                `paypal_email` or `payer_id` instead: which account it is, no secret, and shown as it is
                (`account_id`).
            metadata: Yours; kept with it and in its events.
            notes: Shown at the provider.
            provider: Only this provider. Absent: your route decides.
            refresh_url: Where it goes when the sign-up link has expired.
            return_url: Where the vendor goes after signing up at the provider.
        """
    @overload
    async def update_vendor_split(
        self,
        vendor_id: str,
        split_type: Literal["percentage", "fixed"] | None = None,
        split_percentage: Amount | None = None,
        split_amount: Amount | None = None,
        *,
        percent: Amount | None = None,
        fixed: Amount | None = None,
        currency: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def update_vendor_split(
        self,
        vendor_id: str,
        split_type: Literal["percentage", "fixed"] | None = None,
        split_percentage: Amount | None = None,
        split_amount: Amount | None = None,
        *,
        percent: Amount | None = None,
        fixed: Amount | None = None,
        currency: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Vendor:
        """Change a vendor's usual part, used where a payment does not say what the vendor gets.

        Args:
            split_type: Of version 2: which of the next two is meant, where both are given.
            split_percentage: `percent`, as version 2 calls it.
            split_amount: `fixed`, as version 2 calls it.
            percent: Of the payment, 0 to 100.
            fixed: In major units of `currency`.
            currency: Of the fixed amount.
        """

class AsyncPaymentLinks(_payment_links.AsyncPaymentLinks):
    @overload
    async def create(
        self,
        amount: Amount,
        description: str | None = None,
        customer_email: str | None = None,
        *,
        callback_url: str | None = None,
        currency: str | None = None,
        customer: CustomerDetails | None = None,
        expires_at: datetime | str | int | None = None,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        notify: bool | None = None,
        provider: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def create(
        self,
        amount: Amount,
        description: str | None = None,
        customer_email: str | None = None,
        *,
        callback_url: str | None = None,
        currency: str | None = None,
        customer: CustomerDetails | None = None,
        expires_at: datetime | str | int | None = None,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        notify: bool | None = None,
        provider: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.PaymentLink:
        """Create a payment link.

        Makes the link at the provider that the environment's route chooses; send `short_url` to the payer.

        Args:
            amount: In major units: 499.00 is 499 rupees. At most as many decimals as the currency has.
            customer_email: The same as `customer.email`.
            callback_url: Where the payer goes afterwards.
            currency: Absent: the default of the key's connections.
            expires_at: Absent: the provider's own limit.
            metadata: Yours; kept with it and in its events.
            notes: Shown at the provider.
            notify: Whether the provider sends the link to the customer.
            provider: Only this provider. Absent: your route decides.
        """
    @overload
    async def cancel(
        self, payment_link_id: str, *, wait: Literal[False], **options: Unpack[NotWaitingOptions]
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def cancel(self, payment_link_id: str, **options: Unpack[RequestOptions]) -> types.PaymentLink:
        """Cancel a payment link.

        Nobody can pay at it any more. One that is paid, in whole or in part, raises ConflictError.
        """

class AsyncPaymentMethods(_payment_methods.AsyncPaymentMethods):
    @overload
    async def create(
        self,
        payment_method_id: str,
        nickname: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        customer_id: str | None = None,
        provider: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def create(
        self,
        payment_method_id: str,
        nickname: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        customer_id: str | None = None,
        provider: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.PaymentMethod:
        """Keep a payment method.

        Keeps a method that the payer has entrusted to the provider, for later payments of its customer.

        Args:
            payment_method_id: The provider's own id of it.
            customer_id: Of a customer made with us; some providers need one.
            provider: Where it is. Absent: where the customer is.
        """
    @overload
    async def update(
        self,
        payment_method_id: str,
        *,
        metadata: Mapping[str, str] | NotGiven | None = NOT_GIVEN,
        nickname: str | NotGiven | None = NOT_GIVEN,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def update(
        self,
        payment_method_id: str,
        *,
        metadata: Mapping[str, str] | NotGiven | None = NOT_GIVEN,
        nickname: str | NotGiven | None = NOT_GIVEN,
        **options: Unpack[RequestOptions],
    ) -> types.PaymentMethod:
        """Change what you note of a payment method.

        The nickname and the metadata are yours; the method itself is the payer's.

        Args:
            metadata: Takes the place of what was there.
        """
    @overload
    async def delete(
        self, payment_method_id: str, *, wait: Literal[False], **options: Unpack[NotWaitingOptions]
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def delete(self, payment_method_id: str, **options: Unpack[RequestOptions]) -> types.PaymentMethod:
        """Give up a payment method.

        The provider forgets it; nobody can be charged with it any more. Answers what it was, with status `removed`.
        """

class AsyncPayments(_payments.AsyncPayments):
    @overload
    async def create(
        self,
        amount: Amount,
        currency: str | None = "INR",
        *,
        bank_code: str | None = None,
        cancel_url: str | None = None,
        capture: Literal["automatic", "manual"] | None = None,
        card_network: str | None = None,
        channel: str | None = None,
        country: str | None = None,
        customer: CustomerDetails | None = None,
        description: str | None = None,
        emi_plan: str | None = None,
        metadata: Mapping[str, str] | None = None,
        method: Literal["upi", "card", "netbanking", "wallet", "emi", "paylater"] | None = None,
        notes: Mapping[str, str] | None = None,
        provider: str | None = None,
        receipt: str | None = None,
        return_url: str | None = None,
        save_card: bool | None = None,
        upi_app: str | None = None,
        wallet_provider: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def create(
        self,
        amount: Amount,
        currency: str | None = "INR",
        *,
        bank_code: str | None = None,
        cancel_url: str | None = None,
        capture: Literal["automatic", "manual"] | None = None,
        card_network: str | None = None,
        channel: str | None = None,
        country: str | None = None,
        customer: CustomerDetails | None = None,
        description: str | None = None,
        emi_plan: str | None = None,
        metadata: Mapping[str, str] | None = None,
        method: Literal["upi", "card", "netbanking", "wallet", "emi", "paylater"] | None = None,
        notes: Mapping[str, str] | None = None,
        provider: str | None = None,
        receipt: str | None = None,
        return_url: str | None = None,
        save_card: bool | None = None,
        upi_app: str | None = None,
        wallet_provider: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Payment:
        """Create a payment.

        Creates the payment at the provider that the environment's route chooses, and answers once the provider did.
        The customer then pays at `checkout_url`, or in the provider's own checkout opened with `checkout`.

        Args:
            amount: In major units: 499.00 is 499 rupees. At most as many decimals as the currency has.
            currency: ISO 4217 code. None: the default of the key's connections.
            cancel_url: Where the customer goes after giving up.
            capture: `manual` only authorizes; capture or cancel it later.
            channel: Where the sale is made, in your own words; for your routing rules.
            country: Of the customer, ISO 3166 alpha-2; for your routing rules. Absent: `customer.address.country`.
            metadata: Yours; kept with the payment and in its events.
            method: Absent: the customer chooses at the provider's checkout.
            notes: Shown at the provider.
            provider: Only this provider may serve it. Absent: the route of the environment decides.
            receipt: Your own number of the order.
            return_url: Where the customer goes after paying.
        """
    @overload
    async def capture(
        self,
        payment_id: str,
        amount: Amount | None = None,
        *,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def capture(
        self, payment_id: str, amount: Amount | None = None, **options: Unpack[RequestOptions]
    ) -> types.Payment:
        """Capture an authorized payment.

        Takes the money of a payment that was made with `capture: manual`. Without an amount: all of it.

        Args:
            amount: Absent: all that is authorized.
        """
    @overload
    async def cancel(self, payment_id: str, *, wait: Literal[False], **options: Unpack[NotWaitingOptions]) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def cancel(self, payment_id: str, **options: Unpack[RequestOptions]) -> types.Payment:
        """Cancel a payment.

        Gives up a payment that is not paid yet, or releases an authorized one.
        """
    @overload
    async def refund(
        self,
        payment_id: str,
        amount: Amount | None = None,
        *,
        notes: Mapping[str, str] | None = None,
        reason: str | None = None,
        speed: Literal["normal", "optimum"] | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def refund(
        self,
        payment_id: str,
        amount: Amount | None = None,
        *,
        notes: Mapping[str, str] | None = None,
        reason: str | None = None,
        speed: Literal["normal", "optimum"] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Refund:
        """Refund a payment.

        Returns money of a captured payment. Without an amount: all that is left of it.

        Args:
            payment_id: Ours, or the provider's order id or payment id.
            amount: Absent: all that is left to refund.
        """

class AsyncPlans(_plans.AsyncPlans):
    @overload
    async def create(
        self,
        amount: Amount,
        interval: Literal["day", "week", "month", "year"],
        name: str,
        *,
        currency: str | None = None,
        description: str | None = None,
        interval_count: int | None = None,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        provider: str | None = None,
        trial_days: int | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def create(
        self,
        amount: Amount,
        interval: Literal["day", "week", "month", "year"],
        name: str,
        *,
        currency: str | None = None,
        description: str | None = None,
        interval_count: int | None = None,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        provider: str | None = None,
        trial_days: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Plan:
        """Create a plan.

        Makes the plan at the provider that the environment's route chooses; its subscriptions then live there, too.

        Args:
            amount: In major units: 499.00 is 499 rupees. At most as many decimals as the currency has.
            currency: Absent: the default of the key's connections.
            interval_count: Every so many intervals.
            metadata: Yours; kept with it and in its events.
            notes: Shown at the provider.
            provider: Only this provider. Absent: your route decides.
        """

class AsyncRefunds(_refunds.AsyncRefunds):
    @overload
    async def create(
        self,
        payment_id: str,
        amount: Amount | None = None,
        *,
        notes: Mapping[str, str] | None = None,
        reason: str | None = None,
        speed: Literal["normal", "optimum"] | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def create(
        self,
        payment_id: str,
        amount: Amount | None = None,
        *,
        notes: Mapping[str, str] | None = None,
        reason: str | None = None,
        speed: Literal["normal", "optimum"] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Refund:
        """Refund a payment.

        Returns money of a captured payment. Without an amount: all that is left of it.

        Args:
            payment_id: Ours, or the provider's order id or payment id.
            amount: Absent: all that is left to refund.
        """

class AsyncSavedPaymentMethods(_saved_payment_methods.AsyncSavedPaymentMethods):
    @overload
    async def save(
        self,
        payment_method_id: str,
        nickname: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def save(
        self,
        payment_method_id: str,
        nickname: str | None = None,
        metadata: Mapping[str, str] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.PaymentMethod:
        """Keep a method: `payment_methods.create`.

        Args:
            payment_method_id: The provider's own id of it.
        """
    @overload
    async def update(
        self,
        saved_method_id: str,
        nickname: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def update(
        self,
        saved_method_id: str,
        nickname: str | None = None,
        metadata: Mapping[str, str] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.PaymentMethod:
        """Change what you note of a method: `payment_methods.update`. What is None stays as it is."""
    @overload
    async def delete(
        self, saved_method_id: str, *, wait: Literal[False], **options: Unpack[NotWaitingOptions]
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def delete(self, saved_method_id: str, **options: Unpack[RequestOptions]) -> types.PaymentMethod:
        """Give a method up: `payment_methods.delete`."""

class AsyncSms(_sms.AsyncSms):
    @overload
    async def send(
        self,
        to: str,
        body: str | None = None,
        from_number: str | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
        priority: Literal["transactional", "bulk"] | None = None,
        provider: str | None = None,
        provider_template: str | None = None,
        providers: Sequence[str] | None = None,
        send_at: datetime | str | int | None = None,
        suppression_override: SuppressionOverride | None = None,
        tags: Sequence[str] | None = None,
        template_id: str | None = None,
        template_version: int | None = None,
        variables: Mapping[str, object] | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def send(
        self,
        to: str,
        body: str | None = None,
        from_number: str | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
        priority: Literal["transactional", "bulk"] | None = None,
        provider: str | None = None,
        provider_template: str | None = None,
        providers: Sequence[str] | None = None,
        send_at: datetime | str | int | None = None,
        suppression_override: SuppressionOverride | None = None,
        tags: Sequence[str] | None = None,
        template_id: str | None = None,
        template_version: int | None = None,
        variables: Mapping[str, object] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Sms:
        """Send an SMS.

        Through the provider that the environment's route chooses; answers once the provider has taken it. With
        `send_at`: once it is stored, and it is sent then.

        Args:
            to: With its country code (E.164), or as it is dialled in the account's default region.
            body: 1 to 1,600 characters. What one SMS does not hold is sent, and charged, as several segments.
            from_number: A number, short code, sender name or messaging service. Absent: the connection's own.
            metadata: Yours; kept with the message and in its events.
            priority: `bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`.
            provider: Only this provider. Absent: your route decides.
            provider_template: In place of the body: the SID of a Content template at Twilio, with `provider`;
                `variables` are its.
            providers: Only these, in this order, whatever your route prefers.
            send_at: Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now.
            suppression_override: Send it although a recipient is on your suppression list.
            tags: Words to find messages by: lists take `tag`.
            template_id: In place of the text: a published template.
            template_version: Absent: the one that is published when the request comes.
            variables: What the template's names stand for.
        """
    @overload
    async def cancel(self, message_id: str, *, wait: Literal[False], **options: Unpack[NotWaitingOptions]) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def cancel(self, message_id: str, **options: Unpack[RequestOptions]) -> types.Sms:
        """Cancel an SMS.

        While it waits for its time: it is not sent. Once the provider has it: where that can take it back, else
        ConflictError is raised.
        """
    @overload
    async def send_bulk(
        self,
        recipients: Sequence[SmsBulkItem],
        *,
        body: str | None = None,
        from_number: str | None = None,
        metadata: Mapping[str, str] | None = None,
        priority: Literal["transactional", "bulk"] | None = None,
        provider: str | None = None,
        provider_template: str | None = None,
        providers: Sequence[str] | None = None,
        send_at: datetime | str | int | None = None,
        suppression_override: SuppressionOverride | None = None,
        tags: Sequence[str] | None = None,
        template_id: str | None = None,
        template_version: int | None = None,
        variables: Mapping[str, object] | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def send_bulk(
        self,
        recipients: Sequence[SmsBulkItem],
        *,
        body: str | None = None,
        from_number: str | None = None,
        metadata: Mapping[str, str] | None = None,
        priority: Literal["transactional", "bulk"] | None = None,
        provider: str | None = None,
        provider_template: str | None = None,
        providers: Sequence[str] | None = None,
        send_at: datetime | str | int | None = None,
        suppression_override: SuppressionOverride | None = None,
        tags: Sequence[str] | None = None,
        template_id: str | None = None,
        template_version: int | None = None,
        variables: Mapping[str, object] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.SmsBatch:
        """Send SMS to many.

        Up to 1,000 recipients, each a message of its own that shows no other. Answers once all are stored; those that
        could not be messages are in `rejected`, and stop no other. They give way to what is `transactional`.

        Args:
            recipients: Each is a message of its own.
            body: 1 to 1,600 characters. What one SMS does not hold is sent, and charged, as several segments.
            from_number: A number, short code, sender name or messaging service. Absent: the connection's own.
            metadata: Yours; kept with the message and in its events.
            priority: `bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`.
            provider: Only this provider. Absent: your route decides.
            provider_template: In place of the body: the SID of a Content template at Twilio, with `provider`;
                `variables` are its.
            providers: Only these, in this order, whatever your route prefers.
            send_at: Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now.
            suppression_override: Send it although a recipient is on your suppression list.
            tags: Words to find messages by: lists take `tag`.
            template_id: In place of the text: a published template.
            template_version: Absent: the one that is published when the request comes.
            variables: What the template's names stand for.
        """
    @overload
    async def cancel_batch(
        self, batch_id: str, *, wait: Literal[False], **options: Unpack[NotWaitingOptions]
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def cancel_batch(self, batch_id: str, **options: Unpack[RequestOptions]) -> types.BatchCanceled:
        """Cancel a batch of SMS.

        Those of its messages that have not left are not sent. Others go on.
        """

class AsyncStorage(_storage.AsyncStorage):
    @overload
    async def put(
        self,
        bucket: str,
        key: str,
        content: bytes,
        *,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Mapping[str, object] | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
        checksum: str | None = None,
        provider: str | None = None,
        connection_id: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def put(
        self,
        bucket: str,
        key: str,
        content: bytes,
        *,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Mapping[str, object] | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
        checksum: str | None = None,
        provider: str | None = None,
        connection_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.StorageObject:
        """Put an object.

        At most 5 MiB, through the API; what is there already is replaced.

        Args:
            content_type: `application/octet-stream` where it is absent.
            cache_control: Kept with the object, for who reads it in its bucket.
            content_disposition: The same.
            metadata: Yours; kept with the object. Names are lower-cased.
            if_none_match: Only where there is no object of this key yet; else PreconditionFailedError is raised.
            if_match: Only over this version, by its `etag`.
            checksum: Hex SHA-256 of `content`: where other bytes arrive, nothing is done.
            provider: Where several of your connections have a bucket of this name: which one.
            connection_id: The same, by the connection's id: where several are of one provider.
        """
    @overload
    async def delete(
        self,
        bucket: str,
        key: str,
        *,
        if_match: str | None = None,
        provider: str | None = None,
        connection_id: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def delete(
        self,
        bucket: str,
        key: str,
        *,
        if_match: str | None = None,
        provider: str | None = None,
        connection_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.DeletedObject:
        """Delete an object.

        There is none of this key afterwards, whether there was one before or not.

        Args:
            if_match: Only this version, by its `etag`; else PreconditionFailedError is raised, and ValidationError
                where the provider cannot be told so.
        """

class AsyncUploads(_uploads.AsyncUploads):
    @overload
    async def create(
        self,
        bucket: str,
        key: str,
        *,
        content_type: str | None = None,
        size: int | None = None,
        expires_in: int | None = None,
        multipart: bool | None = None,
        part_size: int | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Mapping[str, object] | None = None,
        if_none_match: Literal["*"] | None = None,
        provider: str | None = None,
        connection_id: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def create(
        self,
        bucket: str,
        key: str,
        *,
        content_type: str | None = None,
        size: int | None = None,
        expires_in: int | None = None,
        multipart: bool | None = None,
        part_size: int | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Mapping[str, object] | None = None,
        if_none_match: Literal["*"] | None = None,
        provider: str | None = None,
        connection_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Upload:
        """Ask for an upload.

        PUT the bytes at its `url`, with exactly its `required_headers`, or the parts at theirs; then `complete` it.

        Args:
            content_type: `application/octet-stream` where it is absent.
            size: Bytes. Where it is said, nothing longer can be uploaded in one piece.
            expires_in: Seconds for which the address works: a week at most; 900 where it is absent.
            multipart: In parts. Absent: when `size` is above 100 MiB.
            part_size: Bytes of each part but the last. Absent: chosen so that there are at most 10,000.
            metadata: Yours; kept with the object. Names are lower-cased.
            if_none_match: `*`: only where there is no object of this key yet.
            provider: Where several of your connections have a bucket of this name: which one.
            connection_id: The same, by the connection's id: where several are of one provider.
        """
    @overload
    async def complete(
        self,
        bucket: str,
        upload_id: str,
        *,
        parts: Sequence[CompletedPart] | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def complete(
        self,
        bucket: str,
        upload_id: str,
        *,
        parts: Sequence[CompletedPart] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Upload:
        """Complete an upload.

        The parts become the object; of an upload in one piece it is looked whether the object is there.

        Args:
            parts: All of them, ascending, with the ETags that the bucket answered. None of an upload in one piece.
        """
    @overload
    async def abort(
        self, bucket: str, upload_id: str, *, wait: Literal[False], **options: Unpack[NotWaitingOptions]
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def abort(self, bucket: str, upload_id: str, **options: Unpack[RequestOptions]) -> types.Upload:
        """Abort an upload.

        What has been uploaded of its parts is thrown away.
        """

class AsyncSubscriptions(_subscriptions.AsyncSubscriptions):
    @overload
    async def create(
        self,
        plan_id: str,
        *,
        cancel_url: str | None = None,
        customer: CustomerDetails | None = None,
        customer_id: str | None = None,
        customer_notify: bool = True,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        provider: str | None = None,
        quantity: int = 1,
        return_url: str | None = None,
        start_date: datetime | str | int | None = None,
        total_count: int | None = 12,
        trial_days: int | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def create(
        self,
        plan_id: str,
        *,
        cancel_url: str | None = None,
        customer: CustomerDetails | None = None,
        customer_id: str | None = None,
        customer_notify: bool = True,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        provider: str | None = None,
        quantity: int = 1,
        return_url: str | None = None,
        start_date: datetime | str | int | None = None,
        total_count: int | None = 12,
        trial_days: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Subscription:
        """Create a subscription.

        Makes the subscription where its plan is. The payer then agrees at `checkout_url`.

        Args:
            plan_id: Ours, or the provider's own of a plan made there.
            customer_id: Of a customer made with us.
            customer_notify: Whether the provider writes to the payer.
            metadata: Yours; kept with it and in its events.
            notes: Shown at the provider.
            provider: Only this provider. Absent: your route decides.
            start_date: When the first charge is due: ISO 8601 with an offset, or Unix seconds. Absent: at once.
            total_count: Charges in all. None: until it is canceled.
            trial_days: Absent or 0: the plan's.
        """
    @overload
    async def cancel(
        self,
        subscription_id: str,
        cancel_at_cycle_end: bool = False,
        *,
        reason: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def cancel(
        self,
        subscription_id: str,
        cancel_at_cycle_end: bool = False,
        *,
        reason: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Subscription:
        """Cancel a subscription.

        At once, or at the end of the cycle; where the provider cannot wait, we do.

        Args:
            cancel_at_cycle_end: Let the cycle that is paid run to its end.
        """
    @overload
    async def pause(
        self,
        subscription_id: str,
        pause_at: Literal["now", "cycle_end"] | None = None,
        *,
        reason: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def pause(
        self,
        subscription_id: str,
        pause_at: Literal["now", "cycle_end"] | None = None,
        *,
        reason: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Subscription:
        """Pause a subscription.

        No charges until it is resumed. At the end of the cycle where asked for; where the provider cannot wait, we
        do.
        """
    @overload
    async def resume(
        self,
        subscription_id: str,
        *,
        reason: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def resume(
        self, subscription_id: str, *, reason: str | None = None, **options: Unpack[RequestOptions]
    ) -> types.Subscription:
        """Resume a subscription.

        Charges go on; a pause that was only planned is taken back.
        """
    @overload
    async def change_plan(
        self,
        subscription_id: str,
        new_plan_id: str,
        prorate: bool = True,
        *,
        cancel_url: str | None = None,
        quantity: int | None = None,
        return_url: str | None = None,
        wait: Literal[False],
        **options: Unpack[NotWaitingOptions],
    ) -> Accepted:
        """The same without waiting for its outcome: `wait()` does, later."""
    @overload
    async def change_plan(
        self,
        subscription_id: str,
        new_plan_id: str,
        prorate: bool = True,
        *,
        cancel_url: str | None = None,
        quantity: int | None = None,
        return_url: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Subscription:
        """Change the plan.

        To another plan of the same account. Some providers ask the payer again: then at `checkout_url`, and until the
        payer agrees it is `pending_plan_id`.

        Args:
            prorate: Charge or credit what is left of the cycle now.
            return_url: Where the payer goes, should the provider ask for consent.
        """
