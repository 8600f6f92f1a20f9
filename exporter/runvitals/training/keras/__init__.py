"""Watching Keras 3 with one line, on the PyTorch, JAX or TensorFlow back end.

network.fit(inputs, targets, epochs=3, callbacks=[VitalsCallback("digits")])
"""

from runvitals.training.keras.callback import VitalsCallback

__all__ = ["VitalsCallback"]
