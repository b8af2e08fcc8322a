"""The fields that requests about people share."""

from typing import Annotated, Final

from pydantic import AfterValidator, ConfigDict, Field, SecretStr

FORBID: Final = ConfigDict(extra="forbid")


def _is_text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    return value


def _is_secret_text(value: SecretStr) -> SecretStr:
    _is_text(value.get_secret_value())
    return value


Email = Annotated[str, Field(min_length=3, max_length=254, examples=["ada@example.com"]), AfterValidator(_is_text)]
Name = Annotated[str, Field(min_length=1, max_length=100, examples=["Ada Lovelace"]), AfterValidator(_is_text)]
Password = Annotated[
    SecretStr,
    Field(min_length=1, max_length=256, examples=["three words apart"]),
    AfterValidator(_is_secret_text),
]
NewPassword = Annotated[
    SecretStr,
    Field(min_length=12, max_length=256, examples=["three words apart"], description="12 to 256 characters."),
    AfterValidator(_is_secret_text),
]
Token = Annotated[
    SecretStr,
    Field(min_length=20, max_length=128, description="What stands behind `#token=` in the link."),
    AfterValidator(_is_secret_text),
]
TotpCode = Annotated[str, Field(pattern=r"^[0-9]{3} ?[0-9]{3}$", examples=["492039"])]
RecoveryCode = Annotated[str, Field(pattern=r"^[0-9A-Za-z -]{16,40}$", examples=["7k2m-9qxr-4w8t-hv3n"])]
