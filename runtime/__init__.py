"""What runs: deployments, the snapshots made of them, and the routes that follow."""
