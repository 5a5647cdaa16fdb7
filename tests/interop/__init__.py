"""Independent programs and libraries against ours."""
