"""Out, first half: the workers' events are stored and become deliveries."""
