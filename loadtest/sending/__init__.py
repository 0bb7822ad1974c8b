"""This package sends prepared requests at the pace that is wanted, and keeps what came of each; it knows no models."""
