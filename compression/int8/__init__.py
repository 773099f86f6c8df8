"""Networks in int8 that ONNX Runtime really runs so: made, looked at, scored and timed there."""
