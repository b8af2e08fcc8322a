"""Sessions of people who signed in: a random token in a cookie, its hash here."""
