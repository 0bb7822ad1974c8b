"""Access says who may do what: tokens and their rights, certificates, and which other sites' pages may ask."""
