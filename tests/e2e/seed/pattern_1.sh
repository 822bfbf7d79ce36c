cd /path/to/project
ci submit test
