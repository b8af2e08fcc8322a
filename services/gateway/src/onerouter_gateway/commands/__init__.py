"""From a validated request to its outcome: publish the command, wait for the reply, answer."""
