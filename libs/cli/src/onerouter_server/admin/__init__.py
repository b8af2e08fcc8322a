"""`onerouter admin`: tenants, API keys and connections, straight on the registry's database with its keys.

An operator's tool: it reads the registry's own settings (ONEROUTER_REGISTRY_DATABASE_URL, ONEROUTER_REGISTRY_SECRET,
ONEROUTER_API_KEY_PEPPER and the four keyrings, ONEROUTER_CREDENTIAL_KEYS_TEST and so on). A running registry tells every
other process of what changed.
"""

import typer

from onerouter_server.admin import (
    audit,
    callbacks,
    connections,
    keys,
    operations,
    people,
    providers,
    rotation,
    routing,
    tenants,
)

app = typer.Typer(
    name="admin",
    help="Create tenants, API keys and connections, straight on the registry's database.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with local variables would print secrets
)
app.add_typer(tenants.app, name="tenant")
app.add_typer(providers.app, name="provider")
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="key")
app.add_typer(connections.app, name="connection")
app.add_typer(people.app, name="person")
app.add_typer(operations.app, name="operations")
app.add_typer(callbacks.app, name="callbacks")
app.command("rotate-keys")(rotation.rotate_keys)
app.add_typer(routing.app, name="routing")
