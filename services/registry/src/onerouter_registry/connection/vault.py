"""Moved to onerouter_registry.vault.service."""

from onerouter_registry.vault.service import CALLBACK_ADDRESS, Vault, hash_token, mask

__all__ = ["CALLBACK_ADDRESS", "Vault", "hash_token", "mask"]
