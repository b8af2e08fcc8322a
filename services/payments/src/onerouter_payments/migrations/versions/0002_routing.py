"""Which connection each operation took, and why."""

from onerouter_common.db.migrate import do_not_wait_long
from onerouter_common.worker.schema import add_routing_decision

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    add_routing_decision()
