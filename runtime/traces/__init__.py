"""Traces of OpenTelemetry: calls of models become records, or traffic that nobody can place."""
