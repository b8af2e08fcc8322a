"""Asking providers for what they never called back about."""
