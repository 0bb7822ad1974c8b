"""This package computes losses row by row, and how far two models are apart in them; numpy alone."""
