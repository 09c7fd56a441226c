"""Scoring: what models say. Likelihoods of choices, generated text, embeddings; and their store."""
