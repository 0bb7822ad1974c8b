"""Networks for images: architectures, gradient descent, published weights, face recognition."""
