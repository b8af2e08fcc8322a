"""All that crosses Kafka. A shape is frozen once shipped: a change is a new version beside the old (`topics.py`)."""
