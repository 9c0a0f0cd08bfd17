"""A model, a batch and a layer come in; the relevance of each component and heatmaps of single components go out."""
