"""A NetSuite and a Klaviyo account to run against, over real HTTP. Shares nothing with the product."""
