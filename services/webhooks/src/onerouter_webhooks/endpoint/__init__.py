"""Where tenants want to be told: addresses, the secrets deliveries are signed with, and the management of both."""
