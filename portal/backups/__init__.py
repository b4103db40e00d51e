"""Backup and restore: rows in a form that both databases read, evidence files, and a manifest.

A backup is a folder that is there whole or not at all. Rows are read from one snapshot, so that
they agree with each other; evidence files are copied after it, since a file is written before its
row and never changes. The signing keys are not in it: they are kept apart.
"""
