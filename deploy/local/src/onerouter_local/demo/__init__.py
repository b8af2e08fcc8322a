"""The demo: one payment all the way and back, as a user of the HTTP API sees it, each step verified."""
