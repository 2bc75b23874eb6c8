"""A NetSuite account to run against: real HTTP, and the SuiteCloud project's own scripts executed in an
embedded V8.
"""
