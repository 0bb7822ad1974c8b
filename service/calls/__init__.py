"""This package is the data plane: every call of the contract, without HTTP. The transports and `app` import it."""
