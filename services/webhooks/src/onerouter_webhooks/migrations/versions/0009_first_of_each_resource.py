"""What is to be sent next is found without walking over what waits for the one before it, however much that is.

By indexes of the hot queue, which are built after this, beside those who write it: `onerouter_webhooks.migrations`.
"""

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing that would have to be done while others wait."""
