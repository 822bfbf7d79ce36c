"""What `make demo` shows of each service: one module each, with the work to submit and the words for what came out."""
