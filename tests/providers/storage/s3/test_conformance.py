"""Amazon S3 passes what every storage provider must, at our strict server."""

import pytest
from tests.providers.storage.lab import StorageLab

from onerouter_common.errors import ProviderRefusedUs
from onerouter_providers.testing.objects_suite import ObjectsSuite


class TestS3(ObjectsSuite):
    async def test_a_bucket_that_locks_its_objects_takes_what_we_put(self, lab: StorageLab) -> None:
        """It wants a digest with each."""
        await lab.register(wants_digests=True)
        request = self._put(lab)
        await lab.client().put_object(request)
        assert await lab.content_of(request.key) == request.content

    async def test_probe_proves_that_objects_may_be_looked_at(self, lab: StorageLab) -> None:
        await lab.register(may_read=False)
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().probe()
        assert caught.value.reason == "authentication_failed"
