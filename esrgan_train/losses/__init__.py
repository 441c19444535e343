"""What the generator and the discriminator are trained to make small."""
