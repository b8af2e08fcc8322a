"""What came, kept for a while: read again when a mapping was added, redacted when somebody asks to be forgotten."""
