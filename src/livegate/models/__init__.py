"""Networks built from blocks, and how they are kept."""
