"""Amazon SNS, as much of its query API as sending SMS to phone numbers needs."""
