"""Disputes: what payers and banks contest, kept with the payment they are about."""
