"""Running one service in this process."""

import importlib
from enum import StrEnum

from pydantic import ValidationError

_DRAIN_TIMEOUT_S = 5.0
"""For a service without a setting of its own: the sandbox has no work in flight worth waiting for."""


class Service(StrEnum):
    """Everything that can be run as a process of its own."""

    GATEWAY = "gateway"
    PAYMENTS = "payments"
    REGISTRY = "registry"
    WEBHOOKS = "webhooks"
    SANDBOX = "sandbox"


class SettingsInvalid(Exception):
    """The environment does not describe a working service; the message names the settings, never their values."""


def run(service: Service) -> None:
    """Serve until SIGTERM. Raises SettingsInvalid, and ModuleNotFoundError when the service is not installed."""
    from onerouter_common.web.server import serve

    settings_class = importlib.import_module(f"onerouter_{service}.settings").Settings
    try:
        settings = settings_class()
    except ValidationError as problem:
        raise SettingsInvalid(_sentence(service, problem)) from None
    application = importlib.import_module(f"onerouter_{service}.app").create_app(settings)
    serve(
        application,
        host=settings.host,
        port=settings.port,
        drain_timeout_s=getattr(settings, "drain_timeout_s", _DRAIN_TIMEOUT_S),
    )


def _sentence(service: Service, problem: ValidationError) -> str:
    lines = [
        f"  {_variable(service, str(error['loc'][0]) if error['loc'] else '?')}: {error['msg']}"
        for error in problem.errors(include_input=False, include_url=False, include_context=False)
    ]
    return "\n".join([f"The settings of {service} are not complete:", *lines])


def _variable(service: Service, field: str) -> str:
    """The environment variable of a field; a field with a shared name is already reported under it."""
    return field if field.isupper() else f"ONEROUTER_{service.upper()}_{field.upper()}"
