"""The names of the parameters in addresses. They are promises: a link that was sent once goes on working."""

from __future__ import annotations

# On several pages. A model's value is its key in ``unet.models.registry``, a dataset's is its id.
MODEL, OTHER_MODEL, DATASET = "model", "other", "dataset"
# On Train: a run's name.
RUN = "run"
# On Evaluate: a dataset's id, or a run's key for its validation images.
DATA = "data"
# On Predict. Where the images come from: the samples (1), or a key of kept uploads.
SAMPLES, UPLOADS = "samples", "images"
# Which of them is seen, as it is called on the page; the page of a file of several has a parameter for each file.
IMAGE = "image"
# How it is prepared: channels from 1 with commas between, 1 to invert, a factor, micrometres per pixel.
CHANNELS, INVERT, SCALE, PIXEL = "channels", "invert", "scale", "pixel"
# What counts as a nucleus; the settings of the separation have the names of ``unet.config.Separation``.
THRESHOLD, MIN_AREA = "threshold", "min_area"
# What is kept of the nuclei, ranges such as area:30:120,circularity:0.8:1; 1 to show them as the model found them.
KEEP, ORIGINAL = "keep", "original"
# By which channel nuclei are positive, and above which mean: 2:850, channels from 1.
POSITIVE = "positive"
# How images are grouped: a pattern of their names.
GROUPS = "groups"
# On Inside. Which image, by its content, and the square of it that is looked at, in pixels. The browser itself keeps
# there what is looked at of the network (layer, map, row, column and tab) and the step of the guided tour (“tour”).
AT = "at"
PICTURE, TOP, LEFT, SIDE = "picture", "top", "left", "side"
