"""What `make chaos` runs: the whole line between both sandbox accounts, while everything goes wrong.

A seed decides the accounts, the saves, the faults and the kills. At the end both accounts must agree.
"""
