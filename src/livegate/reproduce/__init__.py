"""Published experiments, repeated: every figure beside the printed one."""
