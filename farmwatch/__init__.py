"""farmwatch: is this company laptop driven by somebody who is not in front of it, from how far, and is it one of several?"""
