"""Which connection an operation takes. Pure: workers decide with it, the registry explains with it."""
