"""Legacy Data Manager: a small application that leaves its log-in to Cloakroom."""
