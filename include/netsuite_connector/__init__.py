"""NetSuite saved searches to Klaviyo through Apache Airflow, with every row accounted for."""
