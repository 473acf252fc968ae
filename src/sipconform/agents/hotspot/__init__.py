"""A SIP hotspot: a host that lends its account to the phones of its network, and the clients it lends it to."""
