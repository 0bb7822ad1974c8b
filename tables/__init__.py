"""Tables that people bring, read in one way for training and for evaluation."""
