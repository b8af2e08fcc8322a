"""One call of Acme's API: how it is signed, and what each answer means."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import SecretStr

from onerouter_common.errors import ProviderDeclined, ProviderError, ProviderRefusedUs
from onerouter_providers.http import ProviderHttp

from .mapping import REASON, Thing

PROVIDER: Final = "acme"


class Wire:
    def __init__(self, http: ProviderHttp, base_url: str, token: SecretStr) -> None:
        self._http = http
        self._base_url = base_url
        self._token = token

    async def post(self, capability: str, path: str, body: Mapping[str, Any], key: str) -> Thing:
        """Raises a ProviderError."""
        answer = await self._http.send(
            capability,
            "POST",
            f"{self._base_url}/v1{path}",
            effect=True,
            headers={**self._authorization(), "Idempotency-Key": key},
            body=body,
        )
        if not answer.ok:
            raise refusal(answer.status, answer.body)
        return answer.body

    async def get(self, capability: str, path: str, params: Mapping[str, str] | None = None) -> Thing:
        """Raises a ProviderError."""
        answer = await self._http.send(
            capability,
            "GET",
            f"{self._base_url}/v1{path}",
            effect=False,
            headers=self._authorization(),
            params=params,
        )
        if not answer.ok:
            raise refusal(answer.status, answer.body)
        return answer.body

    async def find(self, capability: str, path: str, reference: str) -> Thing | None:
        """What carries our id; None: there surely is none."""
        found = (await self.get(capability, path, {"reference": reference}))["data"]
        return found[0] if found else None

    async def make(self, capability: str, path: str, body: Mapping[str, Any], key: str) -> Thing:
        """What a reference was taken by before is what we made ourselves."""
        try:
            return await self.post(capability, path, body, key)
        except ProviderRefusedUs as refused:
            found = await self.find(capability, path, body["reference"]) if refused.reason == "duplicate" else None
            if found is None:
                raise
            return found

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token.get_secret_value()}"}


def refusal(status: int, body: Thing) -> ProviderError:
    """The error that a 4xx answer means: nothing was done."""
    code = str(body.get("error", "unknown"))
    if status == 401:
        return _refused("Acme refused the token.", "authentication_failed", code)
    if code == "exceeds_charge":
        return ProviderDeclined(
            "Acme refused the refund.",
            provider=PROVIDER,
            reason="refund_rejected",
            provider_code=code,
            code="REFUND_FAILED",
        )
    if code in REASON:
        return ProviderDeclined("Acme declined.", provider=PROVIDER, reason=REASON[code], provider_code=code)
    reason = {"reference_taken": "duplicate", "not_found": "not_found"}.get(code, "invalid_request")
    return _refused(f"Acme refused the request ({status}).", reason, code)


def _refused(sentence: str, reason: str, code: str) -> ProviderRefusedUs:
    return ProviderRefusedUs(sentence, provider=PROVIDER, reason=reason, provider_code=code)
