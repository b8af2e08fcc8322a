"""A tenant with a bucket, at a gateway beside a storage service."""

from collections.abc import Iterator

import pytest
from tests.services.gateway.depot import Depot
from tests.services.gateway.shop import Shop
from tests.services.gateway.vault import BUCKET, CONNECTION, Vault


@pytest.fixture
def depot(shop: Shop) -> Iterator[Depot]:
    depot = Depot(shop)
    yield depot
    depot.vault.refuses.clear()
    depot.vault.objects.clear()
    depot.vault.in_pieces, depot.vault.key_bytes = False, None
    depot.vault.buckets.clear()
    depot.vault.buckets[BUCKET] = CONNECTION


@pytest.fixture
def vault(depot: Depot) -> Vault:
    return depot.vault
