"""What differs between the providers that speak S3's protocol."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    provider: str
    display_name: str
    metadata_bytes: int
    """Of all names and values of an object's metadata, ours included."""
    has_conditional_complete: bool
    """Whether completing an upload in parts can be refused where there is an object."""
    has_conditional_delete: bool
    """Whether a delete can be refused where there is another object than the one that is named by its ETag."""
    takes_checksums: bool
    """Whether an object can be sent with its SHA-256. Buckets that lock their objects want a digest with each."""
    absent_hint: str = ""
    """What a refused credential may mean besides, for who reads."""
