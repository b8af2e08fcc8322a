"""The providers there are, read from their manifests."""
