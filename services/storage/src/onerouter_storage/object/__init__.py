"""Objects that go through us, and what is told of those that do not."""
