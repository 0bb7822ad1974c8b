"""This package holds networks for images: architectures, gradient descent, published weights, face recognition."""
