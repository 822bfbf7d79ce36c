"""The rooms: one folder per service, each a protocol at the edge and an executor. No room knows another."""
