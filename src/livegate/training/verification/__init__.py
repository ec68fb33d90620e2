"""Training for face verification: recipe, pictures, teachers and losses; the loop is that of all training."""
