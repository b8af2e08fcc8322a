"""An attempt says whether its request went out twice, over a new connection the second time."""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    # Known for all rows that are there, of which none is written.
    op.execute("ALTER TABLE delivery_attempts ADD COLUMN resent boolean NOT NULL DEFAULT false")
    # As the rest of the attempt in an outcome: null where that is kept apart.
    op.execute("ALTER TABLE deliveries ADD COLUMN resent boolean")
