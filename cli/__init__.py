"""The command `veredicto` hands its words to the package that does the work; nothing imports it."""
