"""What the storage providers state about themselves."""

import pytest
from tests.providers.storage.lab import package

from onerouter_common.errors import InvalidRequest
from onerouter_common.worker.handler import Idempotency
from onerouter_providers.objects import EXPIRES_IN_MOST_S, PART_BYTES_LEAST, PART_NUMBER_MOST, SINGLE_BYTES_MOST

S3 = {
    "access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "session_token": "t" * 400,
    "region": "eu-central-1",
    "bucket": "my-bucket.files",
    "prefix": "tenants/one_1/",
    "public_base_url": "https://cdn.example.org/files/",
}
R2 = {
    "access_key_id": "0123456789abcdef0123456789abcdef",
    "secret_access_key": "0123456789abcdef" * 4,
    "session_token": "t" * 400,
    "account_id": "fedcba9876543210fedcba9876543210",
    "jurisdiction": "eu",
    "bucket": "my-bucket",
    "prefix": "tenants/one_1/",
    "public_base_url": "https://cdn.example.org",
}


@pytest.mark.parametrize(("provider", "credentials"), [("s3", S3), ("r2", R2)])
class TestCredentials:
    def test_good_ones_are_taken(self, provider: str, credentials: dict[str, str]) -> None:
        package(provider).manifest.check_credentials(credentials, "live")

    def test_bad_ones_are_named_and_never_quoted(self, provider: str, credentials: dict[str, str]) -> None:
        for key in credentials:
            bad = "..bad\n\\value\\with every\tkind?of|sign"
            with pytest.raises(InvalidRequest) as caught:
                package(provider).manifest.check_credentials({**credentials, key: bad}, "test")
            assert [error.field for error in caught.value.errors] == [f"credentials.{key}"]
            assert bad not in str(caught.value)

    @pytest.mark.parametrize("prefix", ["no-slash", "/first/", "a//b/", "../up/", "a/./b/", "with blank /"])
    def test_a_prefix_is_a_folder(self, provider: str, credentials: dict[str, str], prefix: str) -> None:
        with pytest.raises(InvalidRequest):
            package(provider).manifest.check_credentials({**credentials, "prefix": prefix}, "live")

    def test_secrets_are_sealed_and_places_are_not(self, provider: str, credentials: dict[str, str]) -> None:
        sealed = {one.key for one in package(provider).manifest.credentials if one.sensitive}
        assert sealed == {key for key in credentials if key in ("secret_access_key", "session_token")}

    def test_a_connection_is_one_place_for_good(self, provider: str, credentials: dict[str, str]) -> None:
        manifest = package(provider).manifest
        places = {"region", "account_id", "jurisdiction", "bucket", "prefix"} & credentials.keys()
        manifest.check_fixed(credentials, credentials)
        manifest.check_fixed(credentials, {key: "another" for key in credentials if key not in places})
        for key in places:
            with pytest.raises(InvalidRequest, match="cannot be changed") as caught:
                manifest.check_fixed(credentials, {key: "another"})
            assert [error.field for error in caught.value.errors] == [f"credentials.{key}"]
        before = {key: value for key, value in credentials.items() if key != "prefix"}
        with pytest.raises(InvalidRequest, match="prefix"):
            manifest.check_fixed(before, {"prefix": "a/"})
        manifest.check_fixed(before, {"prefix": ""})


@pytest.mark.parametrize("provider", ["s3", "r2"])
def test_nothing_is_promised_less_than_once(provider: str) -> None:
    manifest = package(provider).manifest
    assert {one.guarantee for one in manifest.capabilities} == {"exactly_once"}
    looked_up = {one.name for one in manifest.capabilities if one.idempotency is Idempotency.LOOKUP}
    assert {"object.put", "object.delete", "upload.complete"} <= looked_up


@pytest.mark.parametrize("provider", ["s3", "r2"])
def test_the_bounds_are_those_of_the_category(provider: str) -> None:
    limits = package(provider).manifest.limits
    assert (limits["parts"], limits["part_bytes_least"]) == (PART_NUMBER_MOST, PART_BYTES_LEAST)
    assert limits["expires_in_s"] == EXPIRES_IN_MOST_S
    assert limits["single_put_bytes"] >= SINGLE_BYTES_MOST
