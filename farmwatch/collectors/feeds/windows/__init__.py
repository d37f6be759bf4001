"""What Windows events mean, whatever file or agent they come in; imports the framework of the feeds alone."""
