"""Twilio's Messages API, as much of it as sending SMS needs."""
