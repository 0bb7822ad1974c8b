"""This package reads tables that people bring, in one way for training and for evaluation."""
