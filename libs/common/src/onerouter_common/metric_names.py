"""Every metric, its type and labels: the one place to look up what a dashboard may ask for.

Prometheus conventions: base units, `_total` for counters. No label carries a tenant or an id: their number has no bound.
"""

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

# The worker: from a command to its reply.
COMMANDS_RECEIVED = Counter("onerouter_commands_received_total", "Commands read from the log.", ["category", "result"])
INBOX_BATCH_SIZE = Histogram(
    "onerouter_inbox_batch_size", "Commands stored in one transaction.", ["category"], buckets=_SIZES
)
COMMIT_BATCH_SIZE = Histogram(
    "onerouter_commit_batch_size", "Results stored in one transaction.", ["category"], buckets=_SIZES
)
OPERATIONS_FINISHED = Counter(
    "onerouter_operations_finished_total", "Operations by how they ended.", ["category", "operation", "state"]
)
OPERATION_SECONDS = Histogram(
    "onerouter_operation_seconds",
    "From acceptance by the gateway to the final state.",
    ["category", "operation"],
    buckets=_FAST,
)
OPERATIONS_IN_FLIGHT = Gauge("onerouter_operations_in_flight", "Operations this process executes now.", ["category"])
OPERATIONS_RECLAIMED = Counter(
    "onerouter_operations_reclaimed_total", "Operations taken over from a process that stopped.", ["category"]
)
RESULTS_FENCED = Counter(
    "onerouter_results_fenced_total", "Results not applied because another process had taken over.", ["category"]
)
DEAD_LETTERS = Counter("onerouter_dead_letters_total", "Records that could not be decoded.", ["topic"])
OUTBOX_SWEPT = Counter(
    "onerouter_outbox_swept_total", "Outbox records the relay published for a crashed process.", ["service"]
)
CALLBACKS_APPLIED = Counter(
    "onerouter_callbacks_applied_total", "Callbacks by what became of them.", ["category", "result"]
)
LOOP_RESTARTS = Counter(
    "onerouter_loop_restarts_total", "Background loops that failed and were started again.", ["loop"]
)

# Calls to providers.
PROVIDER_CALLS = Counter(
    "onerouter_provider_calls_total", "Wire calls by outcome.", ["provider", "capability", "outcome"]
)
PROVIDER_SECONDS = Histogram(
    "onerouter_provider_seconds", "Duration of a wire call.", ["provider", "capability"], buckets=_FAST
)
