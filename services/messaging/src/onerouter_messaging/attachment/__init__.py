"""Files on their way into an email."""
