"""Signing in by OpenID Connect, at any issuer the operator configures; and bearer tokens of these issuers."""
