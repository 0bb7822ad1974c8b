"""This package has each contender's server program, written as its framework's documentation teaches."""
