"""This package holds what families share in learning: the interface of a family, networks, gradient descent."""
