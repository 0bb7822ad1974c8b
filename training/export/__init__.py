"""From a fitted model to a checked file: encoding, calibration, evaluation, and the gate that all files pass."""
