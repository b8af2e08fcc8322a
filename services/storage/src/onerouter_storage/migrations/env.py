"""What Alembic runs; the connection was opened by `onerouter_common.db.migrate`."""

from onerouter_common.db.migrate import run_environment

run_environment()
