"""What every request passes: correlation, bounds, the body, the answer."""
