ci wait 550e8400-e29b-41d4-a716-446655440000
# Streams new logs as they appear
