"""Reading a request's body that is bytes and nothing else."""

from starlette.requests import Request

from onerouter_common.errors import PayloadTooLarge


async def body_of(request: Request, most_bytes: int, too_large: str) -> bytes:
    """Raises PayloadTooLarge with that sentence as soon as it is."""
    pieces = bytearray()
    async for piece in request.stream():
        pieces += piece
        if len(pieces) > most_bytes:
            raise PayloadTooLarge(too_large)
    return bytes(pieces)
