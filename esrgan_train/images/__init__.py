"""Picture files: finding, reading and writing them, and putting pictures side by side."""

import cv2
from PIL import Image

# Work is spread over processes, one picture each. OpenCV's own threads would gain nothing and do not survive
# a fork: a forked worker that touches them waits for ever.
cv2.setNumThreads(0)

# Pillow's own limit against files that claim to be huge (89 megapixels) is below what scanners and panoramas
# have. Decoded, this many take 1.2 GB.
Image.MAX_IMAGE_PIXELS = 400_000_000
