"""One file a runtime, one class each, with one method: ``logits(images, configuration)``."""
