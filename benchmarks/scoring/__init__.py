"""This package measures scoring, on one processor (`benchmarks.scoring.rate`) and on nodes of Ray (`.nodes`)."""
