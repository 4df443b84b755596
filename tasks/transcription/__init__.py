"""Speech to text: training, scores, and transcription in bulk."""
