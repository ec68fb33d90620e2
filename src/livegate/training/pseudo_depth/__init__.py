"""Adversarial pseudo-depth pre-training (Paik, Ko and Yoo 2021): a generator of depth maps learns from a teacher's and against a discriminator."""
