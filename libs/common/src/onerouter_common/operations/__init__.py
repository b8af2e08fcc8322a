"""Operations as tenants and operators see them, once for every category: what was asked, each attempt, what came of it."""
