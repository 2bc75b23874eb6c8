"""A Klaviyo account to run against: a process of its own, strict about the real one's rules."""
