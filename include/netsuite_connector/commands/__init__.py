"""What can be done from the command line: ``python -m netsuite_connector``."""
