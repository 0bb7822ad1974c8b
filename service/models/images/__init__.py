"""Images: files become the pixels that a graph takes, and pixels become pictures. Any package above may import it."""
