"""Vendors, and payments that are split among them."""
