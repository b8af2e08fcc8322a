"""What is asked of a bucket as it stands: nothing of it goes through the log, and nothing is changed."""
