"""Run by Alembic."""

from onerouter_common.db.migrate import run_environment

run_environment()
