"""What benches make of what they measured."""

from tests.bench.callbacks.where import divide
from tests.bench.deliveries.found import Found
from tests.bench.deliveries.report import page_with
from tests.bench.svix.report import OURS, Comparison, Measured, Round
from tests.bench.svix.report import page_with as page_beside_svix


def test_a_sample_is_its_innermost_known_frames_and_the_start_is_left_out() -> None:
    entry = "onerouter_webhooks/callback/endpoints.py:receive_callback:40"
    lines = [
        f"uvicorn/server.py:run:1;{entry};providers/sms/twilio/webhook.py:verify:50;python3/hmac.py:new:1 6",
        f"uvicorn/server.py:run:1;{entry};onerouter_webhooks/callback/service.py:_take:90 3",
        "asyncio/base_events.py:run_forever:1 1",
        "python3/importlib.py:exec_module:1;uvicorn/server.py:<module>:1 100",
    ]
    assert divide(lines) == [
        ("signature verified", 0.6),
        ("the use case itself, ids", 0.3),
        ("the loop and what else runs in it", 0.1),
    ]


def test_each_brokers_figures_stand_between_its_own_markers() -> None:
    def found(rate: str) -> Found:
        one = Found(seconds=1, backlog=1)
        one.add("deliveries a second", rate)
        one.us["as fast as they go"] = {"webhooks": 300.0}
        return one

    page = "# Performance\n"
    for broker, rate in (("Apache Kafka", "1"), ("the embedded broker", "2"), ("Apache Kafka", "3")):
        page = page_with(page, found(rate), broker)
    assert [f"| deliveries a second | {rate} |" in page for rate in ("1", "2", "3")] == [False, True, True]
    assert page.count("Broker: Apache Kafka") == page.count("Broker: the embedded broker") == 1


def _round(sustained: float, drained: float, *, missing: int = 0) -> Round:
    us = {"server": 400.0, "postgres": 100.0}
    return Round(3_000, Measured(sustained, us, 2_500, missing), Measured(drained, us, 1_500))


def test_the_bar_is_held_to_whichever_setting_of_theirs_is_faster_in_a_load() -> None:
    theirs = {"Svix": [_round(1_000, 1_500), _round(1_200, 1_500)], "fewer connections": [_round(1_000, 1_600)]}
    found = Comparison("about", 5_000, {OURS: [_round(2_200, 1_900), _round(2_200, 1_900)], **theirs})
    assert found.ratios() == {"sustained": 2.0, "a backlog of 5,000 that drains": 1_900 / 1_600}
    assert not found.met()
    assert [cells[-1] for cells in found.held()[1]] == ["yes", "no"]


def test_what_was_not_delivered_misses_the_bar() -> None:
    found = [
        Comparison("about", 1, {OURS: [_round(2_000, 2_000, missing=lost)], "Svix": [_round(1_000, 1_000)]})
        for lost in (0, 1)
    ]
    assert [one.met() for one in found] == [True, False]


def test_figures_beside_svix_replace_the_last_runs_in_a_section_of_their_own() -> None:
    page = "# Performance\n\n## Events to tenants\n\n## What the webhooks service is held to\n\nDemands.\n"
    for rate in (1_000, 3_000):
        page = page_beside_svix(
            page,
            Comparison("one process", 1, {OURS: [_round(rate, rate)], "Svix": [_round(500, 600), _round(700, 600)]}),
        )
    assert page.startswith("# Performance\n\n## Events to tenants\n\n## Beside Svix\n\n<!-- svix -->\n")
    assert page.endswith("one process\n<!-- /svix -->\n\n## What the webhooks service is held to\n\nDemands.\n")
    assert "| deliveries a second, sustained | 3,000 | 600 (500 – 700) |" in page
    assert "| OneRouter, sustained | 400 | 100 | 500 |" in page
    assert "1,000" not in page
