"""What a provider states about itself, as data: `manifest.toml` in its folder.

Loader, workers, catalogue and dashboard read the same file. A manifest that is wrong is refused when it is loaded, with
the file and the field named.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from onerouter_common.contracts.base import Category, Environment
from onerouter_common.errors import FieldError, InvalidRequest
from onerouter_common.worker.handler import Idempotency
from onerouter_common.worker.pace.rule import Pace
from onerouter_providers.cost import CostFacts

_CREDENTIAL_MAX_CHARS = 4096

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Guarantee = Literal["exactly_once", "at_most_once"]


class ManifestInvalid(Exception):
    """A manifest cannot be used. The text names the file and each wrong field, one a line."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BaseUrls(_Facts):
    """Where the provider's API is; operators may override it (a sandbox), tenants never."""

    live: str = Field(pattern=r"^https?://[^/?#@]+(/[^?#]*)?$")
    test: str = Field(pattern=r"^https?://[^/?#@]+(/[^?#]*)?$")

    def of(self, environment: str) -> str:
        return self.live if environment == "live" else self.test


class CredentialField(_Facts):
    """One thing a tenant enters to connect. The dashboard makes its form of these."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    label: str = Field(min_length=1)
    help: str = ""
    pattern: str | None = None
    """A regular expression that both Python and JavaScript understand, searched for (anchor it)."""
    pattern_test: str | None = None
    """Narrower for the test environment, so that a live key cannot be entered there by mistake."""
    pattern_live: str | None = None
    sensitive: bool = False
    """Sealed, never shown again."""
    required: bool = True
    fixed: bool = False
    """Says which place the connection is: what was written there, and what is under way, is of that place alone. It never
    changes; another place is another connection."""
    used_by: Literal["api", "callback"] = "api"
    """`callback`: sealed with the callback keyring, for the service that verifies signatures; never opened by workers."""
    max_length: int = Field(512, ge=1, le=_CREDENTIAL_MAX_CHARS)

    @field_validator("pattern", "pattern_test", "pattern_live")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"is not a regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _is_known_if_fixed(self) -> Self:
        if self.fixed and self.sensitive:
            raise ValueError("`fixed` is for what is not sensitive: it has to be compared")
        return self

    def problem_with(self, value: str, environment: Environment) -> str | None:
        """What is wrong with a value (empty: not given), never quoting it; None when nothing is."""
        if not value:
            return "is required" if self.required else None
        if len(value) > self.max_length:
            return f"is longer than {self.max_length} characters"
        if value != value.strip():
            return "starts or ends with white space: was more copied than the value?"
        narrower = self.pattern_live if environment == "live" else self.pattern_test
        if self.pattern is not None and re.search(self.pattern, value) is None:
            return "does not look like one: " + (self.help or f"expected the form {self.pattern}")
        if narrower is not None and re.search(narrower, value) is None:
            return f"is not one for the {environment} environment"
        return None


class CapabilityFacts(_Facts):
    """What the provider can do, and what makes a repeat of it safe."""

    name: str = Field(pattern=r"^[a-z_]+\.[a-z_]+$")
    idempotency: Idempotency
    header: str | None = None
    """`native`: the request header that carries the key."""
    retention: str | None = None
    """`native`: how long the provider remembers a key, in the words of its documentation."""
    retention_s: float | None = Field(None, gt=0)
    """`native`: how long we rely on that. An older attempt is looked up, not repeated. Absent: for ever."""
    lookup: str | None = None
    """`lookup`: how it is found again."""
    absence_settles_s: float | None = Field(None, ge=0, le=86_400)
    """How long after a call's deadline a look-up's "there is none" may be believed: until then the provider may still be
    working on the request, or its list may lag behind."""

    @property
    def guarantee(self) -> Guarantee:
        """What callers are promised of the effect: where a repeat is not safe and nothing can be asked, a person decides."""
        return "at_most_once" if self.idempotency is Idempotency.NONE else "exactly_once"

    @model_validator(mode="after")
    def _is_explained(self) -> Self:
        if self.idempotency is Idempotency.NATIVE and not (self.header and self.retention):
            raise ValueError("idempotency 'native' needs `header` and `retention`")
        if self.idempotency is Idempotency.LOOKUP and not (self.lookup and self.absence_settles_s is not None):
            raise ValueError("idempotency 'lookup' needs `lookup` and `absence_settles_s`")
        return self


class CallbackFacts(_Facts):
    """What a tenant sets up at the provider so that it calls us."""

    events: tuple[str, ...] = Field(min_length=1)
    """The provider's event names to subscribe to: those we follow."""
    help: str = ""
    body_limit: int = Field(1024 * 1024, gt=0, le=4 * 1024 * 1024)
    """The largest body it may send, in bytes: more where it sends batches."""
    signature_age_s: int | None = Field(None, gt=0, le=14 * 86_400)
    """A signature older than this is refused, so what a callback is known by (kept for 16 days at least) outlives it. Absent:
    no time is signed, and a replay later than that is told by the status that it carries alone, which never goes back."""
    names_ours: bool = False
    """Whether each event about something of ours carries our own id: one without it is of something else on the account."""
    handshake_valid_s: int | None = Field(None, gt=0)
    """For a provider that asks before it calls back: how long it takes a yes."""


class CertificateFacts(_Facts):
    """For a provider that signs its callbacks with a certificate, fetched from an address that each callback names."""

    hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")], ...] = ()
    """The only ones the certificate may be fetched from, by https."""
    host_pattern: str | None = None
    """A regular expression for more of them, matched against the whole name: for a provider with one in every region."""
    trusted_by: Literal["chain", "address"] = "chain"
    """`chain`: it must chain up to a root that browsers trust. `address`: it comes without a chain, and what vouches for it
    is that only the provider can have put it at an address of its own, by https."""
    name_suffix: str | None = Field(None, pattern=r"^(\.[a-z0-9-]+){2,}$")
    """What the certificate's name must end with (`.paypal.com`); with `chain`."""

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        if not self.hosts and self.host_pattern is None:
            raise ValueError("certificates need `hosts` or a `host_pattern`")
        if (self.name_suffix is None) is (self.trusted_by == "chain"):
            raise ValueError('`name_suffix` goes with `trusted_by = "chain"`, and only with that')
        try:
            re.compile(self.host_pattern or "")
        except re.error as error:
            raise ValueError(f"`host_pattern` is not a regular expression: {error}") from error
        return self


class Manifest(_Facts):
    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")
    category: Category
    display_name: str = Field(min_length=1)
    description: str = Field(min_length=1)
    color: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")
    """Of the logo, for the dashboard."""
    docs_url: str = Field(pattern=r"^https://")
    source: str = Field(min_length=1)
    """What these facts were read from."""
    read_on: date
    api_version: str = Field(min_length=1)
    base_url: BaseUrls
    amount_unit: Literal["minor", "major", "none"] = "none"
    timeout_s: float = Field(30.0, gt=0, le=120)
    """Longest one capability may take, all its wire calls together; past it the outcome is unknown."""
    credentials: tuple[CredentialField, ...] = ()
    credentials_any_of: tuple[Annotated[tuple[str, ...], Field(min_length=2)], ...] = ()
    """Fields of which one at least is needed, though none is by itself."""
    capabilities: tuple[CapabilityFacts, ...] = Field(min_length=1)
    unsupported: Mapping[str, str] = {}
    """Capability → what to do instead, for those that others of the category have and this provider has not."""
    callback: CallbackFacts | None = None
    certificates: CertificateFacts | None = None
    currencies: tuple[Currency, ...] | None = None
    """Absent: the provider decides."""
    countries: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...] | None = None
    """Where an account may be based. Absent: the provider decides."""
    currency_exponents: Mapping[Currency, Annotated[int, Field(ge=0, le=4)]] = {}
    """Decimals the provider counts with where they differ from ISO 4217."""
    limits: Mapping[str, int] = {}
    """Named bounds of the provider's API (`notes_pairs = 15`). Workers keep to `messages_per_s`, or to `recipients_per_s`
    where the provider counts each recipient of a message."""
    cost: tuple[CostFacts, ...] = ()
    """Its public price list, special prices before general ones. Absent: not known."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for what, names in (
            ("credential", [field.key for field in self.credentials]),
            ("capability", [capability.name for capability in self.capabilities]),
        ):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"{what} {', '.join(sorted(twice))} is listed twice")
        nobodys = {key for group in self.credentials_any_of for key in group} - {one.key for one in self.credentials}
        if nobodys:
            raise ValueError(f"credentials_any_of names {', '.join(sorted(nobodys))}, which is no credential")
        both = {capability.name for capability in self.capabilities} & self.unsupported.keys()
        if both:
            raise ValueError(f"capability {', '.join(sorted(both))} is both listed and unsupported")
        return self

    @model_validator(mode="after")
    def _costs_are_of_capabilities(self) -> Self:
        seen: set[object] = set()
        for price in self.cost:
            if self.find_capability(price.of) is None:
                raise ValueError(f"there is a cost of {price.of}, which is no capability")
            place = (price.of, price.currency, price.when.model_dump_json())
            if place in seen:
                raise ValueError(f"the cost of {price.of} in {price.currency} is listed twice for the same condition")
            seen.add(place)
        return self

    def pace(self, of_account: float | None) -> Pace | None:
        """How fast an account may send: as its tenant says, else as the provider's accounts usually may; None: as fast as
        messages come."""
        by_recipient = self.limits.get("recipients_per_s")
        per_s = of_account or by_recipient or self.limits.get("messages_per_s")
        return None if per_s is None else Pace.at_most(per_s, counts_recipients=by_recipient is not None)

    def find_capability(self, name: str) -> CapabilityFacts | None:
        return next((capability for capability in self.capabilities if capability.name == name), None)

    def check_credentials(self, values: Mapping[str, str], environment: Environment) -> None:
        """Raises InvalidRequest that names every wrong field (`credentials.key_id`), never a value."""
        known = {field.key: field for field in self.credentials}
        problems = [(key, "is not a credential of this provider") for key in values if key not in known]
        for key, field in known.items():
            problem = field.problem_with(values.get(key, ""), environment)
            if problem is not None:
                problems.append((key, problem))
        for first, *others in self.credentials_any_of:
            if not any(values.get(key) for key in (first, *others)):
                problems.append((first, f"is required, or {' or '.join(others)}"))
        if problems:
            errors = tuple(FieldError(f"credentials.{key[:40]}", message) for key, message in problems)
            raise InvalidRequest(f"{errors[0].field} {errors[0].message}.", errors=errors)

    def check_fixed(self, before: Mapping[str, str], given: Mapping[str, str]) -> None:
        """What a connection is to be given, of what it has (`before`, which need not have what is sensitive).

        Raises InvalidRequest that names every field which says where the connection is, and would say another place.
        """
        fixed = [field.key for field in self.credentials if field.fixed]
        moved = [key for key in fixed if key in given and given[key] != before.get(key, "")]
        if moved:
            message = "cannot be changed: what is kept there, and under way, stays there. Connect the other place, too"
            errors = tuple(FieldError(f"credentials.{key}", message) for key in moved)
            raise InvalidRequest(f"{errors[0].field} {message}.", errors=errors)


def parse_manifest(text: str, *, source: str) -> Manifest:
    """Raises ManifestInvalid; `source` names the file in it."""
    try:
        return Manifest.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ManifestInvalid(f"{source} is not TOML: {error}") from error
    except ValidationError as error:
        lines = [f"  {_path(problem['loc'])}: {problem['msg']}" for problem in error.errors()]
        raise ManifestInvalid("\n".join([f"{source} is not a provider manifest:", *lines])) from error


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "(whole file)"
