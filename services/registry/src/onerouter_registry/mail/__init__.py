"""Mail to people: written here, carried by our own email service or, on a developer's machine, printed."""
