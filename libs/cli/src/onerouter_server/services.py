"""Running one service in this process."""

import contextlib
import importlib
import os
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from onerouter_common.worker.duty import Duty
from onerouter_server.loading import uncollected

_DRAIN_TIMEOUT_S = 5.0
"""For a service without a setting of its own: the sandbox has no work in flight worth waiting for."""
_SESSION: Final = Path("/proc/self/autogroup")


class Service(StrEnum):
    """Everything that can be run as a process of its own."""

    GATEWAY = "gateway"
    MESSAGING = "messaging"
    PAYMENTS = "payments"
    REGISTRY = "registry"
    STORAGE = "storage"
    WEBHOOKS = "webhooks"
    SANDBOX = "sandbox"


class SettingsInvalid(Exception):
    """The environment does not describe a working service; the message names the settings, never their values."""


def run(service: Service) -> None:
    """Serve until SIGTERM. Raises SettingsInvalid, and ModuleNotFoundError when the service is not installed."""
    with uncollected():
        from onerouter_common.web.server import serve

        settings_class = importlib.import_module(f"onerouter_{service}.settings").Settings
        try:
            settings = settings_class()
        except ValidationError as problem:
            raise SettingsInvalid(_sentence(service, problem)) from None
        _give_way(settings)
        application = importlib.import_module(f"onerouter_{service}.app").create_app(settings)
    serve(
        application,
        host=settings.host,
        port=settings.port,
        drain_timeout_s=getattr(settings, "drain_timeout_s", _DRAIN_TIMEOUT_S),
        metrics_port=getattr(settings, "metrics_port", None),
    )


def _give_way(settings: object) -> None:
    """A process leaves the processors to the others where it is told to, and where processes of a worker share its work and
    nobody waits for this one."""
    niceness = max(getattr(settings, "nice", 0), getattr(settings, "duty", Duty.ALL).niceness)
    if not niceness:
        return
    os.nice(niceness)
    # Linux shares processors among sessions first, each of which has a nice value of its own (sched(7), autogroup). Another
    # system, or one that leaves them to control groups, has no such file.
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            _SESSION.write_text(str(niceness))


def _sentence(service: Service, problem: ValidationError) -> str:
    lines = [
        f"  {_variable(service, str(error['loc'][0]) if error['loc'] else '?')}: {error['msg']}"
        for error in problem.errors(include_input=False, include_url=False, include_context=False)
    ]
    return "\n".join([f"The settings of {service} are not complete:", *lines])


def _variable(service: Service, field: str) -> str:
    """The environment variable of a field; a field with a shared name is already reported under it."""
    return field if field.isupper() else f"ONEROUTER_{service.upper()}_{field.upper()}"
