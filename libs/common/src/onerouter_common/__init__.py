"""What every OneRouter service shares."""
