"""Telling people and systems: written with the change, told and sent by `manage.py tick`."""
