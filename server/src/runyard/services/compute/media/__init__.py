"""Opening other people's media: what it is, and how to decode it within limits."""
