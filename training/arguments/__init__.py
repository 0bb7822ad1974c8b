"""This package makes options, a data set and a training run of the words of `python -m training FAMILY ...`."""
