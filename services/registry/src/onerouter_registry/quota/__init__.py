"""Monthly quotas of API keys: counted here, spent by the gateways from what they are lent."""
