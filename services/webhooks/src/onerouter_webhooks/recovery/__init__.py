"""Jobs that send again what an endpoint missed."""
