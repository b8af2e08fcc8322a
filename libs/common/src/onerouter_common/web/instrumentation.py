"""FastAPI (from 0.165) makes spans and metrics of its own for every request as soon as a tracer is configured.

They hold the path as the caller wrote it, so the token of a callback's address too, and cost CPU on every request. Ours
(`telemetry.span`) name the route's template; so FastAPI's are switched off in every app: `FastAPI(telemetry=OFF)`.
"""

from typing import Final

from fastapi.telemetry import TelemetryConfig

OFF: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}
