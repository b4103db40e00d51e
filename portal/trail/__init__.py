"""Pages about the log itself: what stands in it, who looked at it, and whether it holds."""
