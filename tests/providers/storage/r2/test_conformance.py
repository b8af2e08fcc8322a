"""Cloudflare R2 passes what every storage provider must, at our strict server."""

from onerouter_providers.testing.objects_suite import ObjectsSuite


class TestR2(ObjectsSuite):
    uniform_parts = True
    conditional_complete = False
    conditional_delete = False
