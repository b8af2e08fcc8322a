"""The demo: a payment, messages and files all the way and back, as a user of the HTTP API sees them, each step verified."""
