"""`veredicto score` asks a task's models about more rows than fit into memory; nothing imports it."""
