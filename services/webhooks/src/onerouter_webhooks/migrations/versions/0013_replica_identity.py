"""What is deleted can be published: rows of `deliveries` that fell into no day, of which nothing but all of it is unique.

Its days are only ever added to and dropped, for which no identity is needed.
"""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    # Says more in the log of a database that is replicated logically, and of those rows alone.
    op.execute("ALTER TABLE deliveries_default REPLICA IDENTITY FULL")
