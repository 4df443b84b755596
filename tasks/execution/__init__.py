"""Running shards: scheduler, engines, workers, memory budget."""
