"""The thin layer to Apache Airflow: hooks, connection types, tasks, retry policy and the DAG factory."""
