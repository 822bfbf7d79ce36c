"""Models that plugins load: a shelf of ONNX files with what is known of each, fetched or added by the operator."""
