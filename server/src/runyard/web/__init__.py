"""What every HTTP face of the yard shares: request ids, authentication, refusals, forms, event streams.

Knows no service. Each service says in its own room which words and envelopes it speaks.
"""
