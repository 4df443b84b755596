"""Networks composed of layers, and their weights as safetensors."""
