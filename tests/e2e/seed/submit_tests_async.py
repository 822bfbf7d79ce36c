from pathlib import Path
from ci_client.client import submit_tests_async, wait_for_job

api_key = "ci_abc123def456ghi789..."

# Submit job
job_id = submit_tests_async(Path.cwd(), api_key=api_key)
print(f"Job submitted: {job_id}")

# Do other work...

# Wait for completion
for event in wait_for_job(job_id, api_key=api_key, from_beginning=True):
    if event["type"] == "log":
        print(event["data"], end="")
    elif event["type"] == "complete":
        success = event["success"]
