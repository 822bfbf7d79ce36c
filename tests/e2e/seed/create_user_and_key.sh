# Create user
ci-admin user create --name "Your Name" --email "you@example.com"

# Create API key
ci-admin key create --email "you@example.com" --name "My Dev Key"
# Output: ci_abc123def456ghi789...
