"""What a part of PayPal's API offers to be put together with the others."""

from typing import Protocol

from fastapi import APIRouter

from onerouter_sandbox.paypal.routing import Table


class Feature(Protocol):
    @property
    def routes(self) -> Table: ...

    def control(self) -> APIRouter:
        """Routes under `/control/paypal`."""
        ...

    def pages(self) -> APIRouter:
        """Routes under `/paypal` that people open in a browser."""
        ...

    def resume(self) -> None:
        """Take up what was waiting when the last run ended."""
        ...
