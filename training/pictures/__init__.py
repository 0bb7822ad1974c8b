"""This package draws the pictures of `--report`, charts of a trained model, with matplotlib."""
