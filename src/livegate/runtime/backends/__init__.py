"""One file a runtime, one class each, with one method: ``run(images, configuration)``."""
