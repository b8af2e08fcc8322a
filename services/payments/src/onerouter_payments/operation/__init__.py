"""Operations as tenants see them: what was asked, each attempt, what came of it."""
