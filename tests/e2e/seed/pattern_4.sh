#!/bin/bash
# submit_tests.sh

# Submit job
JOB_ID=$(ci submit test --async | grep -oE '[a-f0-9-]{36}')
echo "Submitted job: $JOB_ID"

# Save job ID for later retrieval
echo $JOB_ID > job_id.txt

# Wait for completion
ci wait $JOB_ID --all

# Exit with test result code
EXIT_CODE=$?
exit $EXIT_CODE
