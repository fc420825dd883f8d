"""A service whose package has the name that many have."""
