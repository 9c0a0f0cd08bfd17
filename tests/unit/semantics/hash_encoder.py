"""An encoder whose embeddings are known: a seeded vector per text or per mean colour."""

import hashlib

import numpy as np


class HashEncoder:
    """Embeds a text by its SHA-256 and an image by its mean colour; counts what it is asked."""

    def __init__(self, dimension=16):
        self.dimension = dimension
        self.asked = []

    def embed_texts(self, texts):
        self.asked.extend(texts)
        return np.stack([self._vector(text.encode()) for text in texts])

    def embed_images(self, images):
        return np.stack([self._vector(np.asarray(image).tobytes()) for image in images])

    def _vector(self, content):
        seed = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
        vector = np.random.default_rng(seed).normal(size=self.dimension)
        return (vector / np.linalg.norm(vector)).astype(np.float32)
