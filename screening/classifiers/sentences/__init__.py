"""Cut texts into sentences, and pool what a model says of each token over each sentence."""
