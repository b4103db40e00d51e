"""Bringing in what people have: model cards, an MLflow registry, CycloneDX ML-BOMs.

A reader is pure: bytes in, `said.Said` out, with a warning for all that it leaves aside. What is
said becomes rows in one change, by `plan.carry_out`; `plan.make` does the same and undoes it.
"""
