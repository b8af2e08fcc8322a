"""The `onerouter` command: runs a service, prepares databases and topics, administers, starts the local stack."""
