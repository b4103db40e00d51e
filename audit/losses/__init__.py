"""Entries that were signed and are lost: found, declared by two people, and never passed over.

A restore from an old backup looks like what a rollback by somebody with bad intent looks like. So
nothing is signed over it until two people have put their names under it, and then the log says so:
it goes on under another origin, and every verifier names the loss for good.
"""
