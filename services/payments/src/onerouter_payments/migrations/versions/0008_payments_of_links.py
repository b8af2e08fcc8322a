"""Payment links are found by the order and the payment that the provider makes of them."""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    for name in ("order", "payment"):
        op.execute(
            f"CREATE INDEX resources_link_{name} ON resources (connection_id, (facts -> 'provider_{name}_id' ->> 2)) "
            "WHERE kind = 'payment_link'"
        )
