"""A long-polling front for the embedded broker.

noida-db answers an empty Fetch at once, so every idle consumer spins (about 2,700 fetches a second each). This front
passes Kafka's frames through and holds an empty Fetch until a record arrives or the client's own wait is over, which is
what Apache Kafka does. See docs/adr/0002-local-broker.md.
"""
