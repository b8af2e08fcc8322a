"""`onerouter admin`: tenants, API keys and connections, straight on the registry's database with its keys.

An operator's tool: it reads the registry's own settings (ONEROUTER_REGISTRY_DATABASE_URL, ONEROUTER_CREDENTIAL_KEYS,
ONEROUTER_CALLBACK_KEYS, ONEROUTER_API_KEY_PEPPER). A running registry tells every other process of what changed.
"""

import typer

from onerouter_server.admin import connections, keys, tenants

app = typer.Typer(
    name="admin",
    help="Create tenants, API keys and connections, straight on the registry's database.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with local variables would print secrets
)
app.add_typer(tenants.app, name="tenant")
app.add_typer(keys.app, name="key")
app.add_typer(connections.app, name="connection")
