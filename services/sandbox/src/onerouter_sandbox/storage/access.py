"""Who asks, and whether they may: signatures, times, scopes, then the account's policy."""

import hashlib
from collections.abc import Callable

from onerouter_sandbox.storage import sigv4
from onerouter_sandbox.storage.account import Account
from onerouter_sandbox.storage.asked import Asked
from onerouter_sandbox.storage.errors import Refused
from onerouter_sandbox.storage.flavour import MOST_EXPIRES_S, SKEW_S, Flavour
from onerouter_sandbox.storage.sigv4 import Signed
from onerouter_sandbox.storage.state import State

_STREAMING = "STREAMING-"


class Access:
    """`now`: the time at an account's provider, which may be another than the client's."""

    def __init__(self, flavour: Flavour, state: State, now: Callable[[str], float]) -> None:
        self._flavour = flavour
        self._state = state
        self._now = now

    def authenticate(self, asked: Asked) -> Account:
        """Also reads an aws-chunked body, where the provider takes those. Raises Refused."""
        signed = self._signed(asked)
        account = self._account(signed)
        self._check_scope(signed, account)
        self._check_time(signed, account)
        self._check_signed_headers(signed, asked)
        if not sigv4.matches(
            account.secret_access_key, signed, asked.method, asked.raw_path, asked.pairs, asked.headers
        ):
            raise Refused(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and "
                "signing method.",
            )
        if signed.token != account.session_token:
            raise Refused(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        self._check_payload(signed, asked)
        return account

    def check_bucket(self, account: Account, bucket: str) -> None:
        """Raises Refused."""
        if bucket in account.buckets:
            return
        if self._state.has_bucket(bucket):
            raise _denied()
        raise Refused(404, "NoSuchBucket", "The specified bucket does not exist", BucketName=bucket)

    def check_write(self, account: Account) -> None:
        if not account.may_write:
            raise _denied()

    def check_list(self, account: Account) -> None:
        if not account.may_list:
            raise _denied()

    def _signed(self, asked: Asked) -> Signed:
        in_query = any(name.lower() in {"x-amz-algorithm", "x-amz-signature"} for name, _ in asked.pairs)
        if in_query and "authorization" in asked.headers:
            raise Refused(400, "InvalidArgument", "Only one auth mechanism allowed")
        signed = sigv4.from_query(asked.pairs) if in_query else sigv4.from_header(asked.headers)
        if signed is not None:
            return signed
        if in_query:
            raise _bad_query("Query-string authentication needs the X-Amz-… parameters, each once")
        if "AWSAccessKeyId" in asked.query or asked.headers.get("authorization", "").startswith("AWS "):
            raise Refused(400, "InvalidRequest", f"Please use {sigv4.ALGORITHM}.")
        if "authorization" in asked.headers:
            raise Refused(400, "AuthorizationHeaderMalformed", "The authorization header is malformed.")
        raise _denied()

    def _account(self, signed: Signed) -> Account:
        account = self._state.accounts.get(signed.scope.access_key_id)
        if account is None:
            status, code = self._flavour.unknown_key
            raise Refused(status, code, "The access key Id you provided does not exist in our records.")
        return account

    def _check_scope(self, signed: Signed, account: Account) -> None:
        scope = signed.scope
        is_right = (scope.region, scope.service, scope.end) == (account.region, "s3", "aws4_request")
        if is_right and scope.day == signed.amz_date[:8]:
            return
        is_elsewhere = scope.region != account.region
        text = f"the region '{scope.region}' is wrong; expecting '{account.region}'" if is_elsewhere else "wrong scope"
        if signed.expires_s is not None:
            raise _bad_query(text)
        raise Refused(
            400, "AuthorizationHeaderMalformed", f"The authorization header is malformed; {text}", Region=account.region
        )

    def _check_time(self, signed: Signed, account: Account) -> None:
        at, now = signed.at, self._now(account.access_key_id)
        if at is None:
            raise Refused(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
        if signed.expires_s is None:
            if abs(now - at) > SKEW_S:
                raise Refused(
                    403,
                    "RequestTimeTooSkewed",
                    "The difference between the request time and the current time is too large.",
                )
            return
        if not 1 <= signed.expires_s <= MOST_EXPIRES_S:
            raise _bad_query(f"X-Amz-Expires must be between 1 and {MOST_EXPIRES_S} seconds")
        if at - now > SKEW_S:
            raise Refused(403, "AccessDenied", "Request is not valid yet")
        if now > at + signed.expires_s:
            status, code = self._flavour.expired
            raise Refused(status, code, "Request has expired")

    def _check_signed_headers(self, signed: Signed, asked: Asked) -> None:
        """All of `x-amz-…` and the host have to be signed, or anybody on the way could add to a request."""
        names = signed.headers
        wanted = {"host"} | {name for name in asked.headers if name.startswith("x-amz-")}
        if signed.expires_s is not None:
            wanted.discard("x-amz-content-sha256")  # of an address it says UNSIGNED-PAYLOAD, if it is sent at all
        if not wanted <= set(names) or list(names) != sorted(names):
            raise Refused(403, "AccessDenied", "There were headers present in the request which were not signed")

    def _check_payload(self, signed: Signed, asked: Asked) -> None:
        payload = signed.payload
        is_chunked = payload.startswith(_STREAMING) or "aws-chunked" in asked.headers.get("content-encoding", "")
        if is_chunked and not self._flavour.takes_chunked:
            raise Refused(401, "Unauthorized", "Unauthorized")  # as R2 says it, which misleads
        if is_chunked:
            asked.body = _unchunked(asked.body)
            asked.headers["content-encoding"] = ""
        elif payload != sigv4.UNSIGNED and payload != hashlib.sha256(asked.body).hexdigest():
            raise Refused(
                400,
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )


def _unchunked(body: bytes) -> bytes:
    """`<hex size>[;chunk-signature=…]CRLF <bytes> CRLF`, until a chunk of none; trailers are not looked at."""
    content, place = bytearray(), 0
    while True:
        end = body.find(b"\r\n", place)
        size_text = body[place:end].partition(b";")[0]
        try:
            size = int(size_text, 16) if end >= 0 else -1
        except ValueError:
            size = -1
        if size < 0 or end + 2 + size > len(body):
            raise Refused(400, "IncompleteBody", "The request body terminated unexpectedly")
        if size == 0:
            return bytes(content)
        content += body[end + 2 : end + 2 + size]
        place = end + 2 + size + 2


def _denied() -> Refused:
    return Refused(403, "AccessDenied", "Access Denied")


def _bad_query(text: str) -> Refused:
    return Refused(400, "AuthorizationQueryParametersError", f"Error parsing the query; {text}")
