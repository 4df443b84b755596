"""Sound of clips: reading, resampling, features."""
