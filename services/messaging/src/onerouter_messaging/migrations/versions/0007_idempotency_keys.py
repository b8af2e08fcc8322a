"""What is asked for under an idempotency key is done once, without the log too: templates and suppressions."""

from onerouter_common.once.schema import make_idempotency_keys

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    make_idempotency_keys("messaging")
