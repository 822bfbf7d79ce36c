from pathlib import Path
from ci_client.client import submit_tests_streaming

api_key = "ci_abc123def456ghi789..."
for event in submit_tests_streaming(Path.cwd(), api_key=api_key):
    if event["type"] == "job_id":
        print(f"Job ID: {event['job_id']}")
    elif event["type"] == "log":
        print(event["data"], end="")
    elif event["type"] == "complete":
        if event["success"]:
            print("Tests passed!")
        else:
            print("Tests failed!")
