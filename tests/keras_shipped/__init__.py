"""The tests that Keras ships with its own layers, run on ours."""
