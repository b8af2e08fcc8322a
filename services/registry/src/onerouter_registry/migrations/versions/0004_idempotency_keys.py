"""An API key that is asked for under an idempotency key is made once."""

from onerouter_common.once.schema import make_idempotency_keys

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    make_idempotency_keys("registry")
