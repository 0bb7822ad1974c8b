"""`veredicto tune` searches settings of the server by measuring real servers on this machine; nothing imports it."""
