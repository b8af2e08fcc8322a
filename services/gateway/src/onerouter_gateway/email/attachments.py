"""Files of an email: decoded, looked at, and handed to the messaging service before the command that names them."""

import asyncio
import base64
import binascii
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from onerouter_common.contracts.messages import AttachmentUse
from onerouter_common.errors import FieldError, InvalidRequest, Overloaded, PayloadTooLarge, RateLimited
from onerouter_common.recipients import printable
from onerouter_gateway.admission import Writing
from onerouter_gateway.email.file_types import OCTETS, declared_type, is_program, lies, misnamed, type_by_name
from onerouter_gateway.email.schemas import AttachmentIn
from onerouter_gateway.gateway import Gateway

_LARGE: Final = 64 * 1024
_FULL_S: Final = 60
_NOT_IN_A_NAME: Final = frozenset('/\\:*?"<>|')


@dataclass(frozen=True, slots=True)
class File:
    filename: str
    content_type: str
    content_id: str | None
    content: bytes = field(repr=False)
    digest: str
    """Hex SHA-256 of the content."""

    @property
    def canonical(self) -> dict[str, Any]:
        """What it is in a fingerprint."""
        return {"filename": self.filename, "type": self.content_type, "cid": self.content_id, "sha256": self.digest}


async def files_of(attachments: Sequence[AttachmentIn], most_bytes: int) -> list[File]:
    """Decoded, beside the loop when they are large. Raises InvalidRequest or PayloadTooLarge, each naming the file."""
    if sum(len(one.content) for one in attachments) > _LARGE:
        return await asyncio.to_thread(_read_all, attachments, most_bytes)
    return _read_all(attachments, most_bytes)


async def hand_over(gateway: Gateway, asked: Writing, files: Sequence[File]) -> list[AttachmentUse]:
    """To where the worker finds them; the same file twice is one there. Raises Overloaded, PayloadTooLarge, RateLimited."""
    return [await _hand_over(gateway, asked, index, one) for index, one in enumerate(files)]


async def _hand_over(gateway: Gateway, asked: Writing, index: int, file: File) -> AttachmentUse:
    answer = await gateway.messaging.request(
        "POST",
        "/internal/attachments",
        tenant_id=asked.principal.tenant_id,
        environment=asked.environment,
        body=file.content,
        content_type=file.content_type,
        repeatable=True,
    )
    if answer.status == 413:
        raise _too_large(f"attachments.{index}.content", "is larger than a file may be")
    if answer.status == 422:
        raise InvalidRequest.of(f"attachments.{index}.content_type", "is none that can be kept")
    if answer.status == 429:
        raise RateLimited(
            "The files of your emails that wait to be sent are as many as are kept at a time; nothing was done. Try again "
            "when some have been sent.",
            retry_after_s=_FULL_S,
        )
    if not answer.is_success:
        raise Overloaded(
            "The attachments could not be kept; nothing was done. Try again in a few seconds.", retry_after_s=2
        )
    return AttachmentUse(
        attachment_id=answer.json()["id"],
        filename=file.filename,
        content_type=file.content_type,
        size_bytes=len(file.content),
        content_id=file.content_id,
    )


def _read_all(attachments: Sequence[AttachmentIn], most_bytes: int) -> list[File]:
    files: list[File] = []
    left = most_bytes
    for index, one in enumerate(attachments):
        file = _read(f"attachments.{index}", one)
        left -= len(file.content)
        if left < 0:
            raise _too_large(f"attachments.{index}.content", f"does not fit: all together may have {most_bytes} bytes")
        files.append(file)
    ids = [one.content_id for one in files if one.content_id is not None]
    if len(set(ids)) != len(ids):
        raise InvalidRequest.of("attachments", "must have different content ids")
    return files


def _read(at: str, one: AttachmentIn) -> File:
    filename = _filename(f"{at}.filename", one.filename)
    try:
        media_type = declared_type(filename, one.content_type)
    except ValueError as error:
        raise InvalidRequest.of(f"{at}.content_type", str(error)) from None
    try:
        content = base64.b64decode("".join(one.content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest.of(f"{at}.content", "must be base64 (RFC 4648, with its padding)") from None
    if not content:
        raise InvalidRequest.of(f"{at}.content", "must not be empty")
    if is_program(filename, media_type, content):
        raise InvalidRequest.of(
            f"{at}.filename", "is a program or script, which mail systems refuse; send a link to it"
        )
    if lies(media_type, content):
        raise InvalidRequest.of(f"{at}.content_type", f"says {media_type}, and the content is something else")
    if misnamed(filename, media_type, content):
        said = type_by_name(filename)
        raise InvalidRequest.of(
            f"{at}.filename", f"is that of a file of the type {said}, and the content or content_type is something else"
        )
    if media_type == OCTETS:
        media_type = type_by_name(filename) or OCTETS
    return File(filename, media_type, one.content_id, content, hashlib.sha256(content).hexdigest())


def _filename(field_name: str, value: str) -> str:
    """No way out of a folder or a header, and no letters that turn the rest around: `invoice\\u202efdp.exe`."""
    name = printable(field_name, value).strip()
    if not name or name in {".", ".."} or any(one in _NOT_IN_A_NAME for one in name):
        raise InvalidRequest.of(field_name, "must be a file's name, without a path or any of / \\ : * ? \" < > |")
    if any(unicodedata.category(one) == "Cf" for one in name):
        raise InvalidRequest.of(field_name, "must not hold characters that are not seen")
    return name


def _too_large(field_name: str, message: str) -> PayloadTooLarge:
    return PayloadTooLarge(f"{field_name} {message}.", errors=(FieldError(field_name, message),))
