"""Those who turn an actor's intents into deeds: our agents, a control connection, a person, or nobody."""
