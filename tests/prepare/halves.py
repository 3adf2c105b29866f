"""A lab whose networks learn in a moment on which side of a line points lie."""

LAB = """
from torch import nn
from autograder.checking.kit import Lab

lab = Lab("halves")

def data(draw):
    line = draw.normal(2)
    def part(count):
        points = draw.normal(count, 2)
        return points, (points @ line > 0).long()
    return {"train": part(300), "far": part(200)}

def linear():
    return nn.Linear(2, 2)

@lab.trained(data=data, classes=2, marks={"far": {0.6: 0, 0.85: 10}}, steps=(100, 200))
class Halves(nn.Linear):
    def __init__(self):
        super().__init__(2, 2)

lab.right("Halves", linear)
"""
