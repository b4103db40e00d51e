"""What is measured by hand: databases filled to a size, and what reading them costs."""
