"""Measurements against peers and bare floors; each script says what it needs."""
