import time
from typing import TYPE_CHECKING

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.ledger import Ledger

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Sandbox


def filled(count: int) -> Ledger:
    ledger = Ledger(Journal(None))
    for number in range(count):
        ledger.record(
            provider="razorpay",
            account=f"key-{number % 2}",
            kind="order.created",
            reference=f"ref-{number % (count - 1)}",  # the last one repeats the first
            object_id=f"order_{number}",
            amount=100,
            currency="INR",
            at=float(number),
        )
    return ledger


def test_a_hundred_thousand_entries_are_fast_to_read() -> None:
    ledger = filled(100_001)
    started = time.process_time()
    assert [effect.object_id for effect in ledger.find(reference="ref-0").effects] == ["order_0", "order_100000"]
    assert ledger.find(cursor=99_999, limit=1).effects[0].seq == 100_000
    assert [ledger.describe(each)["object_ids"] for each in ledger.repeated()] == [["order_0", "order_100000"]]
    assert ledger.counts("key-1") == {"order.created": 50_000}
    assert time.process_time() - started < 2  # milliseconds, where nothing is looked through


def test_the_same_reference_at_two_accounts_is_no_repeat() -> None:
    ledger = filled(2)  # both have the reference ref-0
    assert ledger.repeated() == []


def test_pages_are_complete_and_end() -> None:
    ledger = filled(25)
    seen: list[int] = []
    cursor: int | None = 0
    while cursor is not None:
        page = ledger.find(account="key-0", cursor=cursor, limit=5)
        seen += [effect.seq for effect in page.effects]
        cursor = page.next_cursor
    assert seen == list(range(1, 26, 2))


def test_clear_keeps_counting() -> None:
    ledger = filled(3)
    ledger.clear()
    assert (ledger.find().effects, ledger.counts(), ledger.repeated()) == ([], {}, [])
    effect = ledger.record(
        provider="p", account="a", kind="k", reference=None, object_id="o", amount=1, currency="INR", at=0
    )
    assert effect.seq == 4
    assert ledger.find(cursor=3).effects == [effect]


async def test_what_really_happened(sandbox: "Sandbox") -> None:
    payment_id = await sandbox.paid(receipt="txn_1")
    await sandbox.api.post(f"/payments/{payment_id}/refund", json={"receipt": "rf_1"})
    effects = await sandbox.effects()
    assert [(e["kind"], e["reference"], e["amount"], e["currency"]) for e in effects] == [
        ("order.created", "txn_1", 129_900, "INR"),
        ("payment.captured", payment_id, 129_900, "INR"),
        ("refund.created", "rf_1", 129_900, "INR"),
    ]
    assert {(e["provider"], e["account"]) for e in effects} == {("razorpay", sandbox.key_id)}
    summary = await sandbox.summary()
    assert summary == {
        "counts": {"order.created": 1, "payment.captured": 1, "refund.created": 1},
        "repeated_count": 0,
        "repeated": [],
    }
