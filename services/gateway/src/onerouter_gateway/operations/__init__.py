"""Operations on `/v1`: what was accepted and what became of it."""
