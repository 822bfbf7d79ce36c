export CI_API_KEY="ci_abc123def456ghi789..."
ci submit test
