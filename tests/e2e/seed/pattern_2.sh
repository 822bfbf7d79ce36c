# Submit job
JOB_ID=$(ci submit test --async | grep -oE '[a-f0-9-]{36}')

# Do other work...

# Check results later
ci wait $JOB_ID --all
