"""Where things are: positions as they are reported, and layers of maps."""
