"""Callbacks to good addresses, in a process that lacks what reads them."""

from dataclasses import replace

from prometheus_client import generate_latest

from onerouter_providers.loader import Providers

from ..conftest import StartService, razorpay_body

_COUNTED = 'onerouter_callbacks_received_total{provider="unknown",result="not_installed"}'


def counted() -> float:
    lines = [line for line in generate_latest().decode().splitlines() if line.startswith(_COUNTED)]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


async def test_they_come_again_and_somebody_is_told(start_service: StartService) -> None:
    before = counted()
    async with start_service(providers=Providers([])) as service:
        answer = await service.send_callback(razorpay_body())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert counted() == before + 1
        assert (await service.send_callback(razorpay_body(), token="x" * 43)).status_code == 404
        assert counted() == before + 1


async def test_a_provider_that_does_not_call_back_has_no_address(start_service: StartService) -> None:
    package = Providers.load().find("payments", "razorpay")
    assert package is not None
    async with start_service(providers=Providers([replace(package, webhook=None)])) as service:
        assert (await service.send_callback(razorpay_body())).status_code == 404
