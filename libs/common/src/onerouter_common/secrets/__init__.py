"""Sealed secrets: a data key per tenant and environment, wrapped by a key-encryption key, local or a KMS's."""

from onerouter_common.secrets.keyring import KeyRing, KeyRings, open_sealed
from onerouter_common.secrets.kms import AwsKms, Kms, KmsOptions
from onerouter_common.secrets.sealing import DataKey, SecretUnopenable, data_key_of, data_key_of_bytes
from onerouter_common.secrets.wrapping import KeyEncryptionKey, KmsKey, LocalKey, wrapper_of

__all__ = [
    "AwsKms",
    "DataKey",
    "KeyEncryptionKey",
    "KeyRing",
    "KeyRings",
    "Kms",
    "KmsKey",
    "KmsOptions",
    "LocalKey",
    "SecretUnopenable",
    "data_key_of",
    "data_key_of_bytes",
    "open_sealed",
    "wrapper_of",
]
