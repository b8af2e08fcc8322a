"""Which connection each operation took, and why."""

from onerouter_common.worker.schema import add_routing_decision

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_routing_decision()
