"""What was composed before each wire call."""
