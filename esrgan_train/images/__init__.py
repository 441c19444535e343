"""Picture files: finding, reading and writing them, and putting pictures side by side."""

import cv2

# Work is spread over processes, one picture each. OpenCV's own threads would gain nothing and do not survive
# a fork: a forked worker that touches them waits for ever.
cv2.setNumThreads(0)
