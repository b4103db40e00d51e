"""The pages of what runs: its verbs, the generations to go back to, and trying a route."""
