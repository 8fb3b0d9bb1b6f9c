"""The parts of scripts/random_networks.py: decks drawn at random, their networks in PyTorch, and what is compared."""
