"""What the course's notebooks import: data, transforms, training, pictures and visible checks.

Nothing is imported here, so that each module costs only what it needs itself.
"""
