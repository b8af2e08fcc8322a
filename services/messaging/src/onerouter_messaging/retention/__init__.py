"""What messages said is not kept for ever."""
