"""From checkpoints to artifacts."""
