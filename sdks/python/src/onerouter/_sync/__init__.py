"""The synchronous client, written by scripts/make_sync.py from the asynchronous one."""
