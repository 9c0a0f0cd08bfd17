"""A finished run folder comes in; what an experiment tracker keeps of it goes out."""
