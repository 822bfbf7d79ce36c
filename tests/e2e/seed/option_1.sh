ci submit test --api-key "ci_abc123def456ghi789..."
