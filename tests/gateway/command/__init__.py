"""Commands: taken in once, judged by their effect, followed rung by rung to a read-back."""
