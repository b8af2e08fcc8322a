"""What is asked for under an idempotency key, and carried out without the log: done once, and answered again in a repeat.

key         what a key and a request are told apart by: digests, made by the gateway
request     carrying a request out once, as its service's endpoints and use cases see it
repository  the SQL; within the transaction that has the effect
schema      the table, made in a migration of each service
"""
