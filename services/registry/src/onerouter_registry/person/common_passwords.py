"""Passwords of at least twelve characters that those who guess try first.

No long list: of the usual ones few are that long, and those are made in a few ways, which are recognised.
"""

from typing import Final

_LEAST_DIFFERENT: Final = 5
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qazwsxedcrfvtgbyhnujm",
    "zaq12wsxcde34rfv",
)
_WORDS: Final = frozenset(
    word
    for line in (
        "password passwort passw0rd p@ssword p@ssw0rd pa$$word motdepasse contrasena wachtwoord parola qwerty",
        "qwertyuiop azerty letmein welcome admin administrator root test testing changeme default secret login",
        "guest user master superman batman iloveyou loveyou sunshine princess dragon monkey shadow football",
        "baseball basketball hockey soccer whatever trustno1 starwars pokemon michael jessica jennifer ashley",
        "charlie jordan liverpool chelsea arsenal barcelona computer internet summer winter spring autumn monday",
        "friday january december onerouter onerouter.dev temporary temp example demo correcthorsebatterystaple abc",
        "abcd xyz my the is this new old your hello",
    )
    for word in line.split()
)
_FILL: Final = "0123456789!?.,;:@#$%^&*_+=/|~()[]{}<>-'\" "


def is_common(password: str) -> bool:
    """`password` in lower case."""
    return (
        len(set(password)) < _LEAST_DIFFERENT
        or _repeats(password)
        or any(password in row or password in row[::-1] for row in _ROWS)
        or _is_words(password.strip(_FILL))
        or _is_words("".join(character for character in password if character not in _FILL))
    )


def _repeats(password: str) -> bool:
    """`abcdabcdabcd`: one piece, at most half as long, over and over."""
    return any((password[:length] * len(password)).startswith(password) for length in range(1, len(password) // 2 + 1))


def _is_words(password: str) -> bool:
    """Nothing but usual words, one after the other, or a row of keys; what stood around them is stripped."""
    if not password:
        return True
    reachable = [True] + [False] * len(password)
    for end in range(1, len(password) + 1):
        reachable[end] = any(
            reachable[start] and _is_usual(password[start:end]) for start in range(max(0, end - 26), end)
        )
    return reachable[-1]


def _is_usual(piece: str) -> bool:
    return piece in _WORDS or (len(piece) >= 4 and any(piece in row or piece in row[::-1] for row in _ROWS))
