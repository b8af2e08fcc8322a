"""Passwords: what they cost, which are refused, and that few are computed at a time."""

import asyncio
import threading

import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from onerouter_common.errors import InvalidRequest, Overloaded
from onerouter_registry.person.passwords import AT_ONCE, Passwords, require_good

GOOD = SecretStr("three words far apart")


class TestHashing:
    async def test_costs_what_rfc_9106_recommends(self) -> None:
        stored = await Passwords().hash(GOOD)
        assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")

    async def test_verifies_the_password_and_no_other(self) -> None:
        passwords = Passwords()
        stored = await passwords.hash(GOOD)
        assert (await passwords.verify(stored, GOOD)).matches
        assert not (await passwords.verify(stored, SecretStr("three words far apart "))).matches

    async def test_nobodys_password_matches_nothing_and_costs_the_same(self) -> None:
        passwords = Passwords()
        assert passwords._nobodys.rpartition("$")[0].rpartition("$")[0] == "$argon2id$v=19$m=65536,t=3,p=4"
        assert not (await passwords.verify(None, GOOD)).matches

    async def test_a_damaged_hash_matches_nothing(self) -> None:
        assert not (await Passwords().verify("not a hash", GOOD)).matches

    async def test_offers_a_better_hash_when_parameters_have_changed(self) -> None:
        passwords = Passwords()
        weaker = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(GOOD.get_secret_value())
        better = (await passwords.verify(weaker, GOOD)).better
        assert better is not None
        assert (await passwords.verify(better, GOOD)).better is None


class Slow(PasswordHasher):
    """Counts how many work at the same time; each works until it is let go."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self._lock = threading.Lock()
        self.working = 0
        self.most = 0
        self.let_go = threading.Event()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self._lock:
            self.working += 1
            self.most = max(self.most, self.working)
        self.let_go.wait(60)
        with self._lock:
            self.working -= 1
        return super().hash(password, salt=salt)


class TestConcurrency:
    async def test_two_at_a_time_while_the_loop_goes_on(self) -> None:
        passwords, slow = Passwords(), Slow()
        passwords.use(slow)
        hashing = asyncio.gather(*(passwords.hash(GOOD) for _ in range(8)))
        await self._until_all_places_are_taken(slow)
        assert not hashing.done()
        slow.let_go.set()
        await hashing
        assert slow.most == AT_ONCE

    async def test_who_went_away_leaves_no_room_for_a_third(self) -> None:
        passwords, slow = Passwords(), Slow()
        passwords.use(slow)
        gone = [asyncio.create_task(passwords.hash(GOOD)) for _ in range(2)]
        await self._until_all_places_are_taken(slow)
        for task in gone:
            task.cancel()
        others = asyncio.gather(*(passwords.hash(GOOD) for _ in range(2)))
        await asyncio.sleep(0.02)
        slow.let_go.set()
        await others
        assert slow.most == AT_ONCE

    @staticmethod
    async def _until_all_places_are_taken(slow: Slow) -> None:
        async with asyncio.timeout(60):
            while slow.working < AT_ONCE:
                await asyncio.sleep(0.001)

    async def test_too_many_are_refused_at_once(self) -> None:
        passwords, slow = Passwords(), Slow()
        passwords.use(slow)
        slow.let_go.set()
        answers = await asyncio.gather(*(passwords.hash(GOOD) for _ in range(40)), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, Overloaded)]
        assert refused
        assert len(refused) < 40
        assert refused[0].retry_after_s == 2


class TestRequireGood:
    @pytest.mark.parametrize(
        "password",
        [
            "correct horse battery",
            "Tr0ub4dor&3zebra",
            "пароль из трёх слов",
            "日本語のパスワードを十二文字以上",
            "  spaces at ends  ",
        ],
    )
    def test_lets_people_choose(self, password: str) -> None:
        require_good("password", SecretStr(password), email="ada@example.com")

    @pytest.mark.parametrize(
        "password",
        [
            "elevenchars",
            "x" * 257,
            "aaaaaaaaaaaaa",
            "abcabcabcabc",
            "123456789012",
            "qwertyuiop12",
            "password12345",
            "Password!2026",
            "welcomeadmin1",
            "iloveyou12345678",
            "p@ssw0rd2024!",
            "1qaz2wsx3edc",
            "ada@example.com1",
            "\ufb01\ufb01\ufb01\ufb01\ufb01\ufb01",
        ],
    )
    def test_but_not_what_is_tried_first(self, password: str) -> None:
        with pytest.raises(InvalidRequest):
            require_good("password", SecretStr(password), email="ada@example.com")
