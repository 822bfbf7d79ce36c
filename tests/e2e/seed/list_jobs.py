from ci_client.client import list_jobs

api_key = "ci_abc123def456ghi789..."
jobs = list_jobs(api_key=api_key)
for job in jobs:
    print(f"{job['job_id']}: {job['status']} (success={job['success']})")
