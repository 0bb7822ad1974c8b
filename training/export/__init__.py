"""This package makes a checked file of a fitted model: encoding, calibration, evaluation and the export gate."""
