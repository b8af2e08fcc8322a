"""What every HTTP surface of ours shares: problems, health, service authentication, the server."""
