"""The spec's model, images and words come in; every measurement is made, through the store, and Evidence goes out."""
