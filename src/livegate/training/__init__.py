"""From recipes to checkpoints."""
