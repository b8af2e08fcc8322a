"""What operators of this installation see and do: every tenant, its plan and limits, its suspension and end."""
