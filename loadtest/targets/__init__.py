"""What is loaded, and the requests that are prepared for it; everything is asked of the server's public paths."""
