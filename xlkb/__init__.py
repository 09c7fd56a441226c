"""Measure, plot and narrow the crosslingual knowledge barrier of multilingual LLMs."""

import warnings

# Libraries import tqdm's notebook bars, which warn wherever Jupyter's widgets are not installed.
warnings.filterwarnings("ignore", message="IProgress not found")
