"""Whatever someone with the database in hand does to a chain is found, and said where."""

import pytest

from onerouter_common.ids import TENANT, new_id
from onerouter_registry.audit import verification
from onerouter_registry.audit.chain import GENESIS
from onerouter_registry.audit.verification import AuditVerification, Head

from .conftest import Books

FORGED = """
INSERT INTO audit_entries (tenant_id, sequence, id, at, actor_kind, actor_id, action, target_kind, target_id, hash)
SELECT $1, $2, $3, now(), 'user', 'usr_x', 'key.created', 'key', 'key_x', hash
FROM audit_entries WHERE tenant_id = $1 AND sequence = 3
"""


async def found(books: Books, chain: str, known: Head | None = None) -> tuple[str, int]:
    problem = (await books.verification.verify(chain, known=known)).problem
    assert problem is not None
    return problem.kind, problem.sequence


class TestTampering:
    @pytest.mark.parametrize(
        "change",
        [
            "actor_id = 'usr_else'",
            "actor_name = 'eve@example.com'",
            "after = '{\"number\": 33}'",
            "before = '{}'",
            "at = at + interval '1 microsecond'",
            "environment = 'live'",
            "ip = '198.51.100.1'",
            "action = 'thing.seen'",
            "hash = md5(hash) || md5(hash)",
            "id = id || 'x'",
        ],
    )
    async def test_a_changed_entry(self, books: Books, change: str) -> None:
        chain = await books.chain_of(5)
        async with books.tampering() as owner:
            done = await owner.execute(
                f"UPDATE audit_entries SET {change} WHERE tenant_id = $1 AND sequence = 3",
                chain,
            )
        assert done == "UPDATE 1"
        assert await found(books, chain) == ("altered", 3)

    async def test_a_changed_entry_with_all_hashes_after_it_made_anew_without_the_key(self, books: Books) -> None:
        chain = await books.chain_of(4)
        async with books.tampering() as owner:
            await owner.execute(
                "UPDATE audit_entries SET after = '{}', hash = encode(sha256(convert_to(sequence::text, 'UTF8')), 'hex') "
                "WHERE tenant_id = $1 AND sequence >= 2",
                chain,
            )
            await owner.execute(
                "UPDATE audit_heads h SET hash = e.hash FROM audit_entries e "
                "WHERE h.tenant_id = $1 AND e.tenant_id = $1 AND e.sequence = 4",
                chain,
            )
        assert await found(books, chain) == ("altered", 2)

    async def test_one_taken_from_the_middle(self, books: Books) -> None:
        chain = await books.chain_of(5)
        async with books.tampering() as owner:
            await owner.execute("DELETE FROM audit_entries WHERE tenant_id = $1 AND sequence = 3", chain)
        assert await found(books, chain) == ("missing", 3)

    async def test_one_taken_from_the_middle_and_the_others_moved_up(self, books: Books) -> None:
        chain = await books.chain_of(5)
        async with books.tampering() as owner:
            await owner.execute("DELETE FROM audit_entries WHERE tenant_id = $1 AND sequence = 3", chain)
            for sequence in (4, 5):
                await owner.execute(
                    "UPDATE audit_entries SET sequence = sequence - 1 WHERE tenant_id = $1 AND sequence = $2",
                    *(chain, sequence),
                )
            await owner.execute("UPDATE audit_heads SET sequence = 4 WHERE tenant_id = $1", chain)
        assert await found(books, chain) == ("altered", 3)

    async def test_the_first_one_taken(self, books: Books) -> None:
        chain = await books.chain_of(3)
        async with books.tampering() as owner:
            await owner.execute("DELETE FROM audit_entries WHERE tenant_id = $1 AND sequence = 1", chain)
        assert await found(books, chain) == ("missing", 1)

    async def test_the_end_cut_off(self, books: Books) -> None:
        chain = await books.chain_of(5)
        async with books.tampering() as owner:
            await owner.execute("DELETE FROM audit_entries WHERE tenant_id = $1 AND sequence >= 4", chain)
        assert await found(books, chain) == ("truncated", 4)

    async def test_the_end_cut_off_with_the_head_shows_against_a_head_kept_elsewhere(self, books: Books) -> None:
        chain = await books.chain_of(5)
        kept = (await books.verification.verify(chain)).head
        async with books.tampering() as owner:
            await owner.execute("DELETE FROM audit_entries WHERE tenant_id = $1 AND sequence = 5", chain)
            await owner.execute(
                "UPDATE audit_heads h SET sequence = 4, hash = e.hash FROM audit_entries e "
                "WHERE h.tenant_id = $1 AND e.tenant_id = $1 AND e.sequence = 4",
                chain,
            )
        assert (await books.verification.verify(chain)).problem is None
        assert await found(books, chain, kept) == ("truncated", 5)
        # Going on as if nothing had been there makes another fifth entry.
        await books.record(chain, "thing.else")
        assert (await books.verification.verify(chain)).problem is None
        assert await found(books, chain, kept) == ("replaced", 5)

    async def test_a_whole_chain_gone_shows_against_a_head_kept_elsewhere(self, books: Books) -> None:
        chain = await books.chain_of(2)
        kept = (await books.verification.verify(chain)).head
        async with books.tampering() as owner:
            await owner.execute("DELETE FROM audit_entries WHERE tenant_id = $1", chain)
            await owner.execute("DELETE FROM audit_heads WHERE tenant_id = $1", chain)
        assert chain not in await books.verification.chains()
        assert chain in await books.verification.chains({chain: kept})
        assert await found(books, chain, kept) == ("truncated", 1)

    async def test_only_the_head_gone(self, books: Books) -> None:
        chain = await books.chain_of(2)
        async with books.tampering() as owner:
            await owner.execute("DELETE FROM audit_heads WHERE tenant_id = $1", chain)
        assert chain in await books.verification.chains()
        assert await found(books, chain) == ("extended", 1)

    async def test_two_swapped(self, books: Books) -> None:
        chain = await books.chain_of(5)
        async with books.tampering() as owner:
            for was, becomes in ((2, 99), (3, 2), (99, 3)):
                await owner.execute(
                    "UPDATE audit_entries SET sequence = $3 WHERE tenant_id = $1 AND sequence = $2",
                    *(chain, was, becomes),
                )
        assert await found(books, chain) == ("altered", 2)

    async def test_one_moved_to_another_tenant(self, books: Books) -> None:
        chain, other = await books.chain_of(3), await books.chain_of(2)
        async with books.tampering() as owner:
            await owner.execute(
                "UPDATE audit_entries SET tenant_id = $2 WHERE tenant_id = $1 AND sequence = 3", chain, other
            )
        assert await found(books, chain) == ("truncated", 3)
        assert await found(books, other) == ("altered", 3)

    async def test_two_chains_exchanged(self, books: Books) -> None:
        chain, other = await books.chain_of(2), await books.chain_of(2)
        async with books.tampering() as owner:
            for was, becomes in ((chain, "x"), (other, chain), ("x", other)):
                for table in ("audit_entries", "audit_heads"):
                    await owner.execute(
                        f"UPDATE {table} SET tenant_id = $2 WHERE tenant_id = $1",
                        *(was, becomes),
                    )
        assert await found(books, chain) == ("altered", 1)
        assert await found(books, other) == ("altered", 1)

    async def test_one_put_in(self, books: Books) -> None:
        chain = await books.chain_of(4)
        async with books.tampering() as owner:
            await owner.execute("UPDATE audit_entries SET sequence = 5 WHERE tenant_id = $1 AND sequence = 4", chain)
            await owner.execute(FORGED, chain, 4, f"aud_{chain}")
        assert await found(books, chain) == ("altered", 4)

    async def test_one_put_at_the_end(self, books: Books) -> None:
        chain = await books.chain_of(4)
        async with books.tampering() as owner:
            await owner.execute(FORGED, chain, 5, f"aud_{chain}")
        assert await found(books, chain) == ("altered", 5)

    async def test_one_put_before_the_beginning(self, books: Books) -> None:
        chain = await books.chain_of(3)
        async with books.tampering() as owner:
            await owner.execute("ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_sequence_check")
            await owner.execute(FORGED, chain, -1, f"aud_{chain}")
        assert await found(books, chain) == ("altered", -1)

    async def test_a_head_of_another_hash(self, books: Books) -> None:
        chain = await books.chain_of(2)
        async with books.tampering() as owner:
            await owner.execute("UPDATE audit_heads SET hash = $2 WHERE tenant_id = $1", chain, GENESIS)
        assert await found(books, chain) == ("replaced", 2)


class TestVerify:
    async def test_a_chain_longer_than_a_page_is_read_in_pages(
        self, books: Books, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(verification, "_PAGE", 4)
        chain = await books.chain_of(8)
        told: list[tuple[int, int]] = []
        result = await books.verification.verify(chain, progress=lambda read, of: told.append((read, of)))
        assert result.problem is None
        assert result.head.sequence == 8
        assert told == [(4, 8), (8, 8), (8, 8)]
        async with books.tampering() as owner:
            await owner.execute("DELETE FROM audit_entries WHERE tenant_id = $1 AND sequence IN (5, 6)", chain)
        problem = (await books.verification.verify(chain)).problem
        assert problem is not None
        assert (problem.kind, problem.sequence) == ("missing", 5)
        assert "5 to 6" in problem.detail

    async def test_one_that_grows_meanwhile_is_read_to_its_end(
        self, books: Books, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(verification, "_PAGE", 2)
        chain = await books.chain_of(4)
        read = books.verification._page
        grown = 0

        async def page_and_grow(of: str, above: int) -> object:
            nonlocal grown
            if grown < 3:
                await books.record(of)
                grown += 1
            return await read(of, above)

        monkeypatch.setattr(books.verification, "_page", page_and_grow)
        result = await books.verification.verify(chain)
        assert result.problem is None
        assert result.head.sequence == 7

    async def test_a_kept_head_is_found_again_in_a_longer_chain(self, books: Books) -> None:
        chain = await books.chain_of(3)
        kept = (await books.verification.verify(chain)).head
        await books.record(chain)
        result = await books.verification.verify(chain, known=kept)
        assert result.problem is None
        assert result.head.sequence == 4

    async def test_nothing_verifies_under_another_secret(self, books: Books) -> None:
        from pydantic import SecretStr

        chain = await books.chain_of(1)
        other = AuditVerification(books.engine, SecretStr("another secret, as long as it needs to be"))
        problem = (await other.verify(chain)).problem
        assert problem is not None
        assert (problem.kind, problem.sequence) == ("altered", 1)

    async def test_an_empty_chain_is_whole(self, books: Books) -> None:
        result = await books.verification.verify(new_id(TENANT))
        assert result.problem is None
        assert result.head == Head(0, GENESIS)
