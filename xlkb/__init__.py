"""Measure, plot and narrow the crosslingual knowledge barrier of multilingual LLMs."""
