"""Pages for people: what the API and its topics are, from their own descriptions."""
