#!/usr/bin/env python
"""Gatehouse from the command line."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Settings are read before any command runs, so what needs none has to be known here: the
    # demo, and the one command that only reads the files that it is given.
    if sys.argv[1:2] in (["demo"], ["read_evidence"]):
        os.environ["GATEHOUSE_DEMO"] = "1"
    execute_from_command_line(sys.argv)
