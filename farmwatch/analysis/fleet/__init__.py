"""A fleet judged from what its endpoints, sign-in systems and captures say: views, detectors, weighing, farms."""
