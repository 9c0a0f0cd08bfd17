"""The audited model and its images come in; what each component encodes and how relevant it is go out.

Concept examples, class relevance, crops, their embeddings, and the interpretability measures.
"""
