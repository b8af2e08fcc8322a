"""Messages: SMS and emails, each a row with its recipients, from what was asked to what became of it."""
