"""The six stages of a flow as plain functions: extract, validate, shape, push, confirm, report.

Each reads what the stage before wrote in staging and writes its own; each can be run again at any time with
the same end.
"""
