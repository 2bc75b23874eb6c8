"""Parquet datasets, small JSON documents and the rejected rows, on any filesystem that fsspec reaches."""
