"""Trains EAGLE draft heads for Llama-architecture targets."""
