"""Amazon SES, API v2, with the events that it publishes to an SNS topic."""
