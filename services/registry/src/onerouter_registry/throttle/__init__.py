"""Slowing down those who guess: counters of failures by account and by address, kept where every process sees them."""
