"""`python -m training.adopt MODEL.onnx` gives a card to a classifier or regressor that was learnt elsewhere.

Nothing imports it but its own command. The graph is inspected, wrapped so that it fulfils the contract of
`model_card`, compared with the original on every row, measured, and written.
"""
