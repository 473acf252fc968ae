"""What the feature packages say on the wire: small codecs and state tables, whoever sends them."""
