"""The pictures of `--report`: charts of a trained model, drawn with matplotlib."""
