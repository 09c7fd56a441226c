"""What lies close in two languages, what is answered alike, and what a barrier goes with."""
