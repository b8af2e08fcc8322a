"""Random ids in the alphabet that providers use."""

import os
from typing import Final

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def random_id(prefix: str, length: int = 14) -> str:
    """`prefix` followed by random letters and digits, as `order_EKwxwAgItmmXdp`."""
    number = int.from_bytes(os.urandom(length), "big")
    letters = []
    for _ in range(length):
        number, index = divmod(number, 62)
        letters.append(_ALPHABET[index])
    return prefix + "".join(letters)
