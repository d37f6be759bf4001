"""A synthetic fleet: what a company's laptops would send in a week, with farms among them and the truth beside it."""
