"""Artefacts, images and a model come in; what the model says with the artefact and with its sham goes out."""
