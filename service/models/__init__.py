"""A file, loaded: session, graph, model, registry, and rows and images for them. It imports `contract`."""
