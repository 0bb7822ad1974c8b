"""This package makes what is asked: the models, the inputs, and the labels of right answers."""
