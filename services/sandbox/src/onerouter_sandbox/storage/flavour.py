"""What differs between S3 and R2, as their servers behave."""

from dataclasses import dataclass
from typing import Final

from onerouter_sandbox.storage.errors import Refused

MOST_EXPIRES_S: Final = 604_800
SKEW_S: Final = 900


@dataclass(frozen=True, slots=True)
class Flavour:
    name: str
    unknown_key: tuple[int, str]
    throttled: tuple[int, str]
    expired: tuple[int, str]
    takes_chunked: bool
    """aws-chunked bodies."""
    says_continue: bool
    """Whether `Expect: 100-continue` is answered."""
    uniform_parts: bool
    """Whether all parts but the last must have the same size."""
    conditional_delete: bool
    """Whether a delete takes If-Match (S3's buckets do since September 2025)."""
    refused_headers: tuple[str, ...] = ()
    """Names, or their beginnings, of what it has not."""
    metadata_bytes: int = 2_048

    @property
    def prefix(self) -> str:
        return f"/{self.name}/v1/"

    def check(self, headers: dict[str, str]) -> None:
        """Raises Refused for a header that this provider does not know."""
        for name, value in headers.items():
            if name.startswith(self.refused_headers) and self.refused_headers:
                raise Refused(501, "NotImplemented", f"Header '{name}' with value '{value}' not implemented")


S3: Final = Flavour(
    name="s3",
    unknown_key=(403, "InvalidAccessKeyId"),
    throttled=(503, "SlowDown"),
    expired=(403, "AccessDenied"),
    takes_chunked=True,
    says_continue=True,
    uniform_parts=False,
    conditional_delete=True,
)
R2: Final = Flavour(
    name="r2",
    unknown_key=(401, "Unauthorized"),
    throttled=(429, "TooManyRequests"),
    expired=(400, "ExpiredRequest"),
    takes_chunked=False,
    says_continue=False,
    uniform_parts=True,
    conditional_delete=False,
    refused_headers=(
        "x-amz-acl",
        "x-amz-grant-",
        "x-amz-tagging",
        "x-amz-object-lock-",
        "x-amz-server-side-encryption",
        "x-amz-expected-bucket-owner",
        "x-amz-request-payer",
        "x-amz-website-redirect-location",
    ),
    metadata_bytes=8_192,
)
