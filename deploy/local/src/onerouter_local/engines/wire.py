"""Just enough of Kafka's wire format to ask whether a broker is there."""

import asyncio
import struct

from onerouter_local.ports import LOOPBACK

_API_VERSIONS = 18
_CORRELATION = 1


async def speaks_kafka(port: int) -> bool:
    """Whether ApiVersions v0 gets an answer. Raises OSError while nothing listens."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        client = b"ready"
        request = struct.pack(">hhih", _API_VERSIONS, 0, _CORRELATION, len(client)) + client
        writer.write(struct.pack(">i", len(request)) + request)
        size, correlation = struct.unpack(">ii", await reader.readexactly(8))
        await reader.readexactly(size - 4)
    except asyncio.IncompleteReadError:
        return False
    else:
        return bool(correlation == _CORRELATION)
    finally:
        writer.close()
        await writer.wait_closed()
