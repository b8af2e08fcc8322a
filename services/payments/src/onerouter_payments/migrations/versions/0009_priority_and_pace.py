"""What somebody waits for goes before bulk, and who waits for a connection's pace keeps its turn."""

from onerouter_common.db.migrate import do_not_wait_long
from onerouter_common.worker.schema import add_priority

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    add_priority()
