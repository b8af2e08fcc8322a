"""The vault: data keys, what is sealed with them, and how both are made new while everything runs."""
