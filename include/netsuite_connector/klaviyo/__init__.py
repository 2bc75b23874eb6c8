"""Talks to Klaviyo: endpoints and their limits, batches, bulk jobs, errors. Knows nothing of NetSuite or
Airflow.
"""
