"""New keys for what is sealed, while everything runs: the data keys wrapped anew, or everything sealed anew."""
