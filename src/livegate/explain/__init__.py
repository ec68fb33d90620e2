"""Where a network looks: heat maps, and the picture that one is saved as. A method is a file of its own."""
