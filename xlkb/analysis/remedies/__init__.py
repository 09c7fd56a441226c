"""What narrows the barrier beside training, and what a remedy costs."""
