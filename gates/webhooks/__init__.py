"""Signed messages to other systems: where they may go, their keys, and the sending itself."""
