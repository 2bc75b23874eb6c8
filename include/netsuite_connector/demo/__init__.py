"""Starts the sandbox accounts and Airflow, runs the flows, and checks the outcome on its own reckoning."""
