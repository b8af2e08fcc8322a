"""Operations are found by their metadata."""

from onerouter_common.db.migrate import do_not_wait_long
from onerouter_common.worker.schema import add_metadata_search

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    add_metadata_search("payments")
