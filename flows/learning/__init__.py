"""Commands of tasks beside tagging: generate, transcribe."""
