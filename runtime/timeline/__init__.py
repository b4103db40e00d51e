"""What changed between two instants, what was active at one of them, and how that looks drawn."""
