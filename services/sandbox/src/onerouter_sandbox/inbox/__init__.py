"""The inbox: what the simulators of messages took, as the people see it to whom it was sent.

`/inbox` is a page without a build step; what it shows is behind `/inbox/api` (`endpoints.py`), guarded as the control
API is. Nothing that an email contains runs or reaches the network (`rendering.py`, `documents.py`).
"""
