"""This package keeps copies of the model folder, one generation after the other, and loads models from them."""
