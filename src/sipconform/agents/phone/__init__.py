"""Our own phone, one component per thing it does."""
