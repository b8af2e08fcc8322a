"""Which operations it was told of that they have not ended in time."""

from onerouter_common.db.migrate import do_not_wait_long
from onerouter_common.worker.schema import add_stuck_alarm

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    add_stuck_alarm()
