"""The service's face: one WebSocket a client, MessagePack in both directions."""
