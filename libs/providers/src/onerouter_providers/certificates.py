"""Certificates that providers sign callbacks with: fetched, verified up to a trusted root, and remembered.

The address comes from whoever sent the callback, so it is believed in nothing: https only, the provider's own hosts, no
redirect, bounded in time and size. What is fetched must chain up to a root that browsers trust and bear the provider's
name; only then it is asked whether it signed. A provider that publishes certificates without their chain (Amazon SNS) is
believed by the address alone.

An operator who runs a simulator of a provider names its address and its root (`Override`): then only that address is
allowed for this provider, and that root vouches for it alone.
"""

import asyncio
import re
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import certifi
import httpx
import structlog
from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from onerouter_common.errors import Overloaded
from onerouter_providers.manifest import CertificateFacts
from onerouter_providers.webhook import SignatureInvalid

log = structlog.get_logger()

MAX_CHAIN_BYTES: Final = 65_536
_URL_CHARS: Final = 512
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_CHAIN_MOST: Final = 8
_REMEMBERED_MOST: Final = timedelta(hours=24)
_REFUSED_FOR_S: Final = 60.0
_RETRY_AFTER_S: Final = 5.0
_FAULTS: Final = (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's: certificates of this provider come from under `base_url`, vouched for by `roots_file` (PEM)."""

    base_url: str
    roots_file: Path


@dataclass(frozen=True, slots=True)
class _Known:
    """A certificate that was verified, or the refusal of one, until it is looked at again."""

    certificate: x509.Certificate | None
    until: float
    refusal: str = ""


class Certificates:
    """Answers from memory where it can. Lives on one event loop; `http` is closed by who opened it."""

    def __init__(
        self,
        http: httpx.AsyncBaseTransport,
        *,
        overrides: Mapping[str, Override] | None = None,
        timeout_s: float = 3.0,
        size: int = 64,
        at_once: int = 8,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._overrides = dict(overrides or {})
        self._timeout_s = timeout_s
        self._size = size
        self._places = asyncio.Semaphore(at_once)
        self._now = monotonic
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._fetching: dict[tuple[str, str], asyncio.Task[_Known]] = {}

    async def get(self, provider: str, facts: CertificateFacts, url: str, at: datetime) -> x509.Certificate:
        """The certificate at this address, verified for this provider. `at`: now.

        Raises SignatureInvalid when it may not be fetched or is not the provider's, Overloaded when it cannot be had now.
        """
        override = self._overrides.get(provider)
        check_address(url, facts, override)
        key = (provider, url)
        known = self._known.get(key)
        if known is None or self._now() >= known.until:
            known = await self._fetch_once(key, facts, override, at)
        else:
            self._known.move_to_end(key)
        if known.certificate is None:
            raise SignatureInvalid(known.refusal)
        if not known.certificate.not_valid_before_utc <= at <= known.certificate.not_valid_after_utc:
            raise SignatureInvalid("The callback's certificate is not valid now.")
        return known.certificate

    async def _fetch_once(
        self, key: tuple[str, str], facts: CertificateFacts, override: Override | None, at: datetime
    ) -> _Known:
        task = self._fetching.get(key)
        if task is None:
            task = self._fetching[key] = asyncio.create_task(
                self._fetch(key, facts, override, at), name="callback-certificate"
            )
            task.add_done_callback(lambda done: self._fetched(key, done))
        return await asyncio.shield(task)  # everybody's who waits for it

    async def _fetch(
        self, key: tuple[str, str], facts: CertificateFacts, override: Override | None, at: datetime
    ) -> _Known:
        provider, url = key
        try:
            async with asyncio.timeout(self._timeout_s), self._places:
                status, pem = await self._download(url)
        except _FAULTS as error:
            log.warning("certificate.not_fetched", provider=provider, error=type(error).__name__)
            raise Overloaded("The callback cannot be verified right now.", retry_after_s=_RETRY_AFTER_S) from error
        if status >= 500 or status == 429:
            log.warning("certificate.not_fetched", provider=provider, status=status)
            raise Overloaded("The callback cannot be verified right now.", retry_after_s=_RETRY_AFTER_S)
        roots = () if facts.trusted_by == "address" else await self._roots(override)
        try:
            certificate, valid_until = verify_chain(pem if status == 200 else b"", facts, roots, at)
        except SignatureInvalid as refusal:
            log.warning("certificate.refused", provider=provider, why=refusal.detail)
            known = _Known(None, self._now() + _REFUSED_FOR_S, refusal.detail)
        else:
            lasts = min(valid_until - at, _REMEMBERED_MOST)
            known = _Known(certificate, self._now() + lasts.total_seconds())
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > self._size:
            self._known.popitem(last=False)
        return known

    async def _download(self, url: str) -> tuple[int, bytes]:
        request = httpx.Request("GET", url, headers={"Accept-Encoding": "identity", "User-Agent": "OneRouter"})
        response = await self._http.handle_async_request(request)  # a transport follows no redirect
        try:
            if response.is_stream_consumed:  # a transport that answers from memory (httpx.MockTransport)
                return response.status_code, response.content[: MAX_CHAIN_BYTES + 1]
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_CHAIN_BYTES:
                    break
            return response.status_code, bytes(body)
        finally:
            await response.aclose()

    async def _roots(self, override: Override | None) -> Sequence[x509.Certificate]:
        if override is None:
            return public_roots()
        try:
            pem = await asyncio.to_thread(override.roots_file.read_bytes)
            return x509.load_pem_x509_certificates(pem)
        except (OSError, ValueError) as error:
            log.error(  # noqa: TRY400 - the path and the kind of error say all
                "certificate.roots_unreadable", path=str(override.roots_file), error=type(error).__name__
            )
            raise Overloaded("The callback cannot be verified right now.", retry_after_s=_RETRY_AFTER_S) from error

    def _fetched(self, key: tuple[str, str], task: "asyncio.Task[_Known]") -> None:
        self._fetching.pop(key, None)
        if not task.cancelled():
            task.exception()  # whoever waited may have given up by now


def check_address(url: str, facts: CertificateFacts, override: Override | None = None) -> None:
    """Raises SignatureInvalid for an address that a certificate of this provider is never fetched from."""
    refusal = SignatureInvalid("The callback names a certificate that is not at the provider.")
    if len(url) > _URL_CHARS or not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        raise refusal
    try:
        httpx.URL(url)
        parts = urlsplit(url)
        port = parts.port
    except (ValueError, httpx.InvalidURL):
        raise refusal from None
    if parts.query or parts.fragment or "@" in parts.netloc or ".." in parts.path or "%" in parts.path:
        raise refusal
    if override is not None:
        if not url.startswith(override.base_url.rstrip("/") + "/"):
            raise refusal
        return
    if parts.scheme != "https" or not _is_theirs(parts.hostname or "", facts) or port not in (None, 443):
        raise refusal


def _is_theirs(host: str, facts: CertificateFacts) -> bool:
    return host in facts.hosts or (
        facts.host_pattern is not None and re.fullmatch(facts.host_pattern, host) is not None
    )


def verify_chain(
    pem: bytes, facts: CertificateFacts, roots: Sequence[x509.Certificate], at: datetime
) -> tuple[x509.Certificate, datetime]:
    """The first certificate, when it bears the provider's name and chains up to a root; until when all of it is valid.

    One that its address vouches for stands alone. Raises SignatureInvalid.
    """
    try:
        chain = x509.load_pem_x509_certificates(pem) if len(pem) <= MAX_CHAIN_BYTES else []
    except ValueError:
        raise SignatureInvalid("There is no certificate where the callback says.") from None
    if not 0 < len(chain) <= _CHAIN_MOST:
        raise SignatureInvalid("The callback's certificate comes with a chain that is too long.")
    leaf = chain[0]
    if facts.name_suffix is None:
        return leaf, leaf.not_valid_after_utc
    builder = PolicyBuilder().store(Store(list(roots))).time(at)
    try:
        verified = builder.build_server_verifier(x509.DNSName(_name_of(leaf, facts.name_suffix))).verify(
            leaf, chain[1:]
        )
    except VerificationError:
        raise SignatureInvalid("The callback's certificate is not trusted, or not valid now.") from None
    return leaf, min(one.not_valid_after_utc for one in verified)


def _name_of(leaf: x509.Certificate, suffix: str) -> str:
    """The name it bears in the provider's domain."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    except (x509.ExtensionNotFound, ValueError):
        found = []
    name = next((name for name in found if name.endswith(suffix) and "*" not in name), None)
    if name is None:
        raise SignatureInvalid("The callback's certificate is somebody else's.")
    return name


@cache
def public_roots() -> tuple[x509.Certificate, ...]:
    """Those of the browsers, as `certifi` ships them; without any that breaks the rules of RFC 5280."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        for pem in _PEM.findall(Path(certifi.where()).read_bytes()):
            with suppress(ValueError, CryptographyDeprecationWarning):
                found.append(x509.load_pem_x509_certificate(pem))
    return tuple(found)
