from ci_client.client import wait_for_job

api_key = "ci_abc123def456ghi789..."

# Only show new logs (forward-only)
for event in wait_for_job("550e8400-e29b-41d4-a716-446655440000", api_key=api_key):
    if event["type"] == "log":
        print(event["data"], end="")

# Show all logs from beginning
for event in wait_for_job(
    "550e8400-e29b-41d4-a716-446655440000",
    api_key=api_key,
    from_beginning=True
):
    if event["type"] == "log":
        print(event["data"], end="")
