"""What the business data is: a file a domain. Each says which saved searches and columns it reads, what is
mandatory, and how rows become records.
"""
