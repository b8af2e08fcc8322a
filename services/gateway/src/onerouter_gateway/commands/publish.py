"""A command on its topic, with the address its reply goes to."""

from typing import Final

from onerouter_common import telemetry
from onerouter_common.broker import BrokerUnavailable, Producer
from onerouter_common.contracts import topics
from onerouter_common.contracts.commands import HEADER_REPLY_PARTITION, HEADER_REPLY_TO, Command
from onerouter_common.errors import Effect, Overloaded, PayloadTooLarge
from onerouter_gateway.commands.replies import ReplyListener

_MOST_BYTES: Final = 1_000_000
"""A broker takes records of 1 MiB if nobody told it otherwise; the headers need some of it."""


class CommandUnacknowledged(Overloaded):
    """The command was sent and the log did not confirm it: it may still be carried out."""

    effect = Effect.UNKNOWN


class Publisher:
    def __init__(self, producer: Producer, replies: ReplyListener) -> None:
        self._producer = producer
        self._replies = replies

    def check_ready(self) -> None:
        """Raises Overloaded at once, before anything is sent, while the log is away."""
        if not (self._producer.is_ready and self._replies.is_ready):
            raise Overloaded(
                "The message log cannot be reached right now; nothing was done. Try again in a few seconds.",
                retry_after_s=2,
            )

    async def publish(self, command: Command, *, key: str | None) -> None:
        """Returns once the log has the command. Raises CommandUnacknowledged; `key` is the caller's idempotency key."""
        headers = [
            *telemetry.kafka_headers(),
            ("content-type", b"application/json"),
            ("message-type", b"command.v1"),
            (HEADER_REPLY_TO, topics.REPLIES.encode()),
            (HEADER_REPLY_PARTITION, str(self._replies.partition).encode()),
        ]
        record = command.to_bytes()
        if len(record) > _MOST_BYTES:
            raise PayloadTooLarge(
                f"What is asked for has {len(record)} bytes of text, files not counted; at most {_MOST_BYTES} are accepted. "
                "Split it into several requests."
            )
        try:
            await self._producer.publish(
                topics.commands(command.category), record, key=command.ordering_key, headers=headers
            )
        except BrokerUnavailable as error:
            how = (
                "Repeat the request with the same Idempotency-Key: it finds what was done and does nothing twice."
                if key is not None
                else f"Before you repeat it, ask for GET /v1/operations/{command.operation_id}; with an Idempotency-Key a "
                "repeat would be safe by itself."
            )
            raise CommandUnacknowledged(
                f"The message log did not confirm the request, so it may or may not be carried out. {how}",
                retry_after_s=error.retry_after_s or 2,
            ) from error
