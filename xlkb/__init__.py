"""Measure, plot and narrow the crosslingual knowledge barrier of multilingual LLMs."""

import logging
import warnings

# Libraries import tqdm's notebook bars, which warn wherever Jupyter's widgets are not installed.
warnings.filterwarnings("ignore", message="IProgress not found")
# bitsandbytes asks for code of the hub on some CPUs, and tells each time that it does without.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
