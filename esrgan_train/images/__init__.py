"""Picture files: finding, reading and writing them, and putting pictures side by side."""

import cv2
from PIL import Image

# Work is spread over processes, one picture each. OpenCV's own threads would gain nothing and do not survive
# a fork: a forked worker that uses them hangs.
cv2.setNumThreads(0)

# Pillow's own limit against files that claim to be huge (89 megapixels) is too low for scans and panoramas.
# Decoded, this many pixels take 1.2 GB.
Image.MAX_IMAGE_PIXELS = 400_000_000
