"""Reconciliation: NetSuite, what was delivered, and what Klaviyo holds, compared record by record."""
