"""Foundation models, words and example images come in; probes and embeddings in the semantic space go out."""
