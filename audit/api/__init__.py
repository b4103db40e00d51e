"""What every reading view of the API has in common, and the views of the log itself."""
