"""What is asked for under an idempotency key is done once: endpoints, secrets, tests, redeliveries, retries, recoveries."""

from onerouter_common.once.schema import make_idempotency_keys

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    make_idempotency_keys("webhooks")
