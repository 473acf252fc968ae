"""Our own phone and our own server."""
