"""Callback tokens: the unguessable part of the address that a provider calls back; replaced with an overlap."""
