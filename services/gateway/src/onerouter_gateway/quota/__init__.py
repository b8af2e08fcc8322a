"""Monthly quotas: counted by the registry, spent here from what it lends in advance."""
