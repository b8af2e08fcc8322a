"""Passwords: argon2id, computed in threads, a few at a time.

A password is normalized to NFKC first (NIST SP 800-63B 5.1.1.2), so that it is the same one on every keyboard and system.
"""

import asyncio
import secrets
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

from onerouter_common.errors import InvalidRequest, Overloaded
from onerouter_registry.person.common_passwords import is_common

ResultT = TypeVar("ResultT")

LEAST_CHARS: Final = 12
MOST_CHARS: Final = 256
TIME_COST: Final = 3
MEMORY_KIB: Final = 65_536
PARALLELISM: Final = 4
"""With the two above the second recommended choice of RFC 9106 section 4."""
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32
AT_ONCE: Final = 2
"""Each takes 64 MiB and up to four cores for some 50 ms."""
_MOST_WAITING: Final = 16
_WAIT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Verdict:
    matches: bool
    better: str | None = None
    """The password's hash under today's parameters, where the stored one has others."""


class Passwords:
    def __init__(self) -> None:
        self.use(PasswordHasher(TIME_COST, MEMORY_KIB, PARALLELISM, _HASH_BYTES, _SALT_BYTES, type=Type.ID))
        self._free = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    def use(self, hasher: PasswordHasher) -> None:
        """From now on; what another one hashed is verified, and hashed anew."""
        self._hasher = hasher
        self._nobodys = _nobodys_hash(hasher)

    async def hash(self, password: SecretStr) -> str:
        """Raises Overloaded."""
        return await self._in_thread(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, stored: str | None, password: SecretStr) -> Verdict:
        """Whether it is the one that was hashed. Takes as long for None, the hash of someone who does not exist.

        Raises Overloaded.
        """
        return await self._in_thread(lambda: self._verify(stored, password))

    def _verify(self, stored: str | None, password: SecretStr) -> Verdict:
        try:
            self._hasher.verify(stored or self._nobodys, _bytes(password))
        except (VerificationError, InvalidHashError):
            return Verdict(False)
        if stored is None:
            return Verdict(False)
        return Verdict(True, self._hasher.hash(_bytes(password)) if self._hasher.check_needs_rehash(stored) else None)

    async def _in_thread(self, work: Callable[[], ResultT]) -> ResultT:
        if self._waiting >= _MOST_WAITING:
            raise _overloaded()
        self._waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), _WAIT_S)
        except TimeoutError:
            raise _overloaded() from None
        finally:
            self._waiting -= 1
        running = asyncio.get_running_loop().run_in_executor(None, work)
        # Freed when the thread is done, not when the caller went away: the thread works on.
        running.add_done_callback(lambda _: self._free.release())
        return await asyncio.shield(running)


def require_good(field: str, password: SecretStr, *, email: str) -> None:
    """Raises InvalidRequest: too short, too long, too common, or made of the email address."""
    given = unicodedata.normalize("NFKC", password.get_secret_value())
    if not LEAST_CHARS <= len(given) <= MOST_CHARS:
        raise InvalidRequest.of(field, f"must have {LEAST_CHARS} to {MOST_CHARS} characters")
    plain = given.casefold()
    if email.casefold() in plain or plain.strip("0123456789!?. ") == email.partition("@")[0].casefold():
        raise InvalidRequest.of(field, "must not be made of your email address")
    if is_common(plain):
        raise InvalidRequest.of(
            field, "is one of those that are tried first; choose a few words that do not belong together"
        )


def _bytes(password: SecretStr) -> bytes:
    return unicodedata.normalize("NFKC", password.get_secret_value()).encode()


def _nobodys_hash(hasher: PasswordHasher) -> str:
    """What no password matches, and costs as much to find out."""
    salt, value = secrets.token_bytes(hasher.salt_len), secrets.token_bytes(hasher.hash_len)
    parameters = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${parameters}${_b64(salt)}${_b64(value)}"


def _b64(raw: bytes) -> str:
    return b64encode(raw).rstrip(b"=").decode()


def _overloaded() -> Overloaded:
    return Overloaded("Too many people sign in at this moment. Try again.", retry_after_s=2)
