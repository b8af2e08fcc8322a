"""An operator's own price list: what the accounts of an installation pay, before the public prices of the manifests.

    [[cost]]
    provider = "twilio"
    of = "sms.send"
    fixed_minor = 7.9                  # cents for each segment
    currency = "USD"
    when = { countries = ["DE", "AT"] }
    source = "https://wiki.example.com/contracts/twilio"
    read_on = 2026-11-01

The first line whose condition holds applies, as in a manifest.
"""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onerouter_providers.cost import CostFacts
from onerouter_providers.loader import Providers

MOST_LINES: Final = 10_000


class PriceListInvalid(Exception):
    """The price list cannot be used. The text names the file and each wrong line."""


class Price(CostFacts):
    provider: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")


class _PriceList(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    cost: tuple[Price, ...] = Field((), max_length=MOST_LINES)


def parse_price_list(text: str, providers: Providers, *, source: str) -> Mapping[tuple[str, str], Sequence[CostFacts]]:
    """(Category, provider) → its lines, in the order given. Raises PriceListInvalid; `source` names the file in it.

    A line of a provider that is not installed, or of something that it cannot do, is a mistake.
    """
    try:
        lines = _PriceList.model_validate(tomllib.loads(text)).cost
    except tomllib.TOMLDecodeError as error:
        raise PriceListInvalid(f"{source} is not TOML: {error}") from error
    except ValidationError as error:
        wrong = [f"  {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)]
        raise PriceListInvalid("\n".join([f"{source} is not a price list:", *wrong])) from error
    found: dict[tuple[str, str], list[CostFacts]] = {}
    for number, line in enumerate(lines):
        category = line.of.partition(".")[0]
        package = providers.find(category, line.provider)
        if package is None or package.manifest.find_capability(line.of) is None:
            raise PriceListInvalid(
                f"{source}: cost.{number}: no provider {line.provider} is installed that has {line.of}"
            )
        found.setdefault((category, line.provider), []).append(line)
    return found
