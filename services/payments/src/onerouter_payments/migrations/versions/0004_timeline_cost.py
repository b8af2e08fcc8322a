"""What happened to payments, for timelines; and the operations that wait for a person."""

from onerouter_common.db.migrate import do_not_wait_long
from onerouter_common.worker.schema import add_history

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    add_history("payments")
