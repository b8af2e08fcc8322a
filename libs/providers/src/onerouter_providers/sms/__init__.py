"""Providers of SMS, one folder each."""
