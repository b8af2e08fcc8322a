"""Idempotency keys: the first answer under a key, whatever it was, is the answer to every repeat for a day."""

import hashlib
from collections.abc import Callable
from urllib.parse import parse_qsl

from onerouter_sandbox.clock import Clocks
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.errors import Refused, key_reused
from onerouter_sandbox.stripe.state import Kept, State
from onerouter_sandbox.wire import Reply, Request


class Keys:
    def __init__(self, state: State, clocks: Clocks) -> None:
        self._state = state
        self._clocks = clocks

    def once(self, account: Account, key: str, request: Request, do: Callable[[], Reply]) -> Reply:
        """`do`, unless it was done under this key. Raises Refused when the key was used for something else."""
        print_ = _fingerprint(request)
        now = self._clocks.of(account.account_id).now()
        kept = self._state.kept.get((account.account_id, key))
        if kept is not None and now - kept.at >= account.idempotency_retention_s:
            self._state.forget(account.account_id, key)
            kept = None
        if kept is not None:
            if kept.fingerprint != print_:
                raise key_reused(key)
            return Reply(kept.status, kept.body.encode(), headers=((b"idempotent-replayed", b"true"),))
        try:
            reply = do()
        except Refused as refusal:
            if not refusal.kept:
                raise
            reply = refusal.reply
        self._state.keep(Kept(key, account.account_id, print_, reply.status, reply.body.decode(), now))
        return reply


def _fingerprint(request: Request) -> str:
    pairs = sorted(parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))
    return hashlib.sha256(repr((request.method, request.path, pairs)).encode()).hexdigest()
