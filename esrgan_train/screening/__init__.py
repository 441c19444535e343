"""What is wrong with a photo as training data: blur, compression, lack of detail, near-duplicates."""
