"""Pages inside Airflow's web UI that say how the stores' flows are: what ran, waits, was rejected, agrees."""
