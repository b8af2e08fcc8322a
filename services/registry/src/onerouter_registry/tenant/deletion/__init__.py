"""The end of a tenant whose grace is over: its keys, connections and members go, its row and its audit log stay."""
