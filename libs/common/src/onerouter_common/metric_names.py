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
OPERATIONS_OVERDUE = Gauge(
    "onerouter_operations_overdue_seconds",
    "How long the oldest operation that is due waits for somebody to begin it, by priority (transactional, bulk); 0: none "
    "waits. Told by every process, whatever its duty.",
    ["category", "priority"],
)
OPERATIONS_RECLAIMED = Counter(
    "onerouter_operations_reclaimed_total", "Operations taken over from a process that stopped.", ["category"]
)
OPERATIONS_STUCK = Counter(
    "onerouter_operations_stuck_total",
    "Operations that had not ended long after they should have, or whose resource stayed open in silence (by reason: "
    "deadline, silence): somebody must look.",
    ["category", "operation", "state", "reason"],
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
CIRCUITS_OPEN = Gauge(
    "onerouter_circuits_open", "Connections that this process leaves alone, or only probes.", ["category", "provider"]
)
CIRCUIT_TURNS = Counter(
    "onerouter_circuit_turns_total",
    "Circuits that this process moved: opened (also again, after a failed probe), closed.",
    ["category", "provider", "turn"],
)
CIRCUIT_PROBES = Counter(
    "onerouter_circuit_probes_total", "Operations let through to see whether it works again.", ["category", "provider"]
)
CIRCUIT_KEPT = Counter(
    "onerouter_circuit_kept_total",
    "Operations kept from an open circuit by what they did: failed_over, waited, asked_later; refused (reads of buckets).",
    ["category", "provider", "instead"],
)
CIRCUITS_ALONE = Counter(
    "onerouter_circuits_alone_total", "Exchanges about circuits that Redis did not answer.", ["category"]
)

OPERATIONS_PACED = Counter(
    "onerouter_operations_paced_total",
    "How often operations waited because their connection was in use as fast as it may be; bulk or transactional.",
    ["category", "provider", "priority"],
)
PACE_ALONE = Counter(
    "onerouter_pace_alone_total", "Questions about the pace of connections that Redis did not answer.", ["category"]
)

# Webhooks: callbacks in, deliveries out.
CALLBACKS_RECEIVED = Counter(
    "onerouter_callbacks_received_total",
    "Callbacks of providers by what was done: stored, duplicate, unhandled, unparsed, bad_signature, unknown_token, "
    "not_installed (the address is good, and its provider's package is missing here), …",
    ["provider", "result"],
)
CALLBACK_HANDSHAKES = Counter(
    "onerouter_callback_handshakes_total",
    "Providers that ask before they call back: confirmed, postponed, refused, expired.",
    ["provider", "result"],
)
CALLBACK_SECONDS = Histogram(
    "onerouter_callback_seconds", "From a callback's first byte to our answer.", ["provider"], buckets=_FAST
)
EVENTS_RECEIVED = Counter("onerouter_events_received_total", "Events read from the log.", ["category", "result"])
DELIVERIES_STARTED = Counter("onerouter_deliveries_started_total", "Deliveries owed to endpoints.", ["state"])
DELIVERY_ATTEMPTS = Counter(
    "onerouter_delivery_attempts_total", "Requests to tenants' endpoints by result.", ["result"]
)
DELIVERY_ATTEMPT_SECONDS = Histogram(
    "onerouter_delivery_attempt_seconds", "Duration of a request to a tenant's endpoint.", buckets=_FAST
)
DELIVERY_RESENT = Counter(
    "onerouter_delivery_resent_total",
    "Attempts that went out twice: the connection that was kept ended without a word, and a new one was used.",
)
DELIVERIES_FINISHED = Counter(
    "onerouter_deliveries_finished_total", "Deliveries by how they ended: succeeded, exhausted, canceled.", ["outcome"]
)
DELIVERIES_IN_FLIGHT = Gauge("onerouter_deliveries_in_flight", "Deliveries this process has in flight now.")
DELIVERIES_RECLAIMED = Counter(
    "onerouter_deliveries_reclaimed_total", "Deliveries taken over from a process that stopped."
)
DELIVERIES_OVERDUE = Gauge(
    "onerouter_deliveries_overdue_seconds",
    "How long the oldest delivery that is due waits, of endpoints that are enabled, whose breaker is closed and that ask for "
    "no rate; 0: none waits. Told by one process, of all; by the others 0.",
)
EVENT_READERS_HELD_UP = Gauge(
    "onerouter_event_readers_held_up_seconds",
    "How long the oldest transaction of the cluster has kept readers of events from what was stored after it began; 0: none "
    "does. Told by one process; by the others 0.",
)
DELIVERIES_UNSIGNED = Counter(
    "onerouter_deliveries_unsigned_total",
    "Times that a delivery could not be signed, by why: away (the key service or the database; it costs no attempt), "
    "unopenable (nothing in the keyring opens its endpoint's secrets: an attempt).",
    ["why"],
)
DELIVERIES_FENCED = Counter(
    "onerouter_deliveries_fenced_total", "Attempts that ended after another process had taken the delivery over."
)

# The registry.
REGISTRY_LOOKUPS = Counter(
    "onerouter_registry_lookups_total", "Internal lookups by what was asked and found.", ["lookup", "result"]
)
REGISTRY_CHANGES_PUBLISHED = Counter(
    "onerouter_registry_changes_published_total", "Changes that every cache was told of."
)
REGISTRY_HEARTBEATS_WITHHELD = Counter(
    "onerouter_registry_heartbeats_withheld_total", "Heartbeats not published because a change waited to be."
)
REGISTRY_EVENTS_PARKED = Counter(
    "onerouter_registry_events_parked_total", "Events set aside because the log will never take them."
)
CREDENTIAL_CHECKS = Counter(
    "onerouter_credential_checks_total",
    "Providers asked whether they accept a connection's credentials, by answer: accepted, refused, away.",
    ["provider", "result"],
)
CREDENTIAL_TURNS = Counter(
    "onerouter_credential_turns_total",
    "Connections whose credentials a provider no longer accepts (refused), or accepts again (accepted).",
    ["provider", "turn"],
)
CREDENTIALS_FORGOTTEN = Counter(
    "onerouter_credentials_forgotten_total", "Disconnected connections whose credentials were destroyed."
)

# The gateway.
GATEWAY_OPERATIONS = Counter(
    "onerouter_gateway_operations_total",
    "Commands by what the caller got: final, unknown, timeout, async, replayed, shed, unacknowledged, …",
    ["operation", "answer"],
)
GATEWAY_WAIT_SECONDS = Histogram(
    "onerouter_gateway_wait_seconds", "From publishing a command to its reply.", ["operation"], buckets=_FAST
)
GATEWAY_PENDING = Gauge("onerouter_gateway_pending_operations", "Operations this instance waits for now.")
GATEWAY_REPLIES = Counter(
    "onerouter_gateway_replies_total", "Replies read: delivered, nobody waits, undecodable.", ["result"]
)
RATE_LIMIT_LOCAL = Counter(
    "onerouter_rate_limit_local_total", "Requests limited by this instance alone, because Redis was away."
)
QUOTA_UNPAID = Counter(
    "onerouter_quota_unpaid_total", "Operations begun before their quota was charged, because the registry was away."
)
RATE_LIMITED = Counter("onerouter_rate_limited_total", "Requests refused with 429.")

# Polling: what never called back.
POLLS = Counter(
    "onerouter_polls_total",
    "Resources asked about by result: changed, unchanged, failed, postponed (its connection is in use as fast as it may be), "
    "disconnected, abandoned, gave_up (somebody must look).",
    ["category", "kind", "result"],
)

# Storage: what passes through us.
ROOM_REFUSED = Counter(
    "onerouter_room_refused_total",
    "Times that there was no room for an object's bytes (reads, puts), or for one more question to a provider (questions).",
    ["room"],
)
ROOM_CUT = Counter(
    "onerouter_room_cut_total",
    "Readers of objects that were cut off because they were slow while others waited.",
    ["room"],
)
