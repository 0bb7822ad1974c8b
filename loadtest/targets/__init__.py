"""This package prepares the requests to what is loaded; everything is asked of the server's public paths."""
