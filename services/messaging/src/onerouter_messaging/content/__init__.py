"""From a command to what a provider is asked: rendered, checked, with its files."""
