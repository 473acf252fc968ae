"""Our own server, one component per thing it does."""
