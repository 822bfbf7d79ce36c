#!/bin/bash
# Run tests on multiple projects in parallel

for project in project1 project2 project3; do
  cd $project
  JOB_ID=$(ci submit test --async | grep -oE '[a-f0-9-]{36}')
  echo "$project: $JOB_ID"
  cd ..
done

# Wait for all to complete
ci list
