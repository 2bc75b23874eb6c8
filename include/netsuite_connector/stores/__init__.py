"""Stores: one NetSuite website and one Klaviyo account each, described by a YAML file."""
