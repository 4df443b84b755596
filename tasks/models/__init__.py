"""Models as folders, and the taggers loaded from them."""
