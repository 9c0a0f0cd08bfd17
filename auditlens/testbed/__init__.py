"""From a seed come images, classifiers and a foundation model whose truth is known."""
