"""How dates are read and written, by language."""
