mkdir -p ~/.ci
echo "api_key=ci_abc123def456ghi789..." > ~/.ci/config
ci submit test
