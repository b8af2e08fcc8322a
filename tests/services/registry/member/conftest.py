from tests.services.registry.site import site

__all__ = ["site"]
