"""Are the kernels of the chain's challenge drawn so that mistakes show?"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from autograder.assignments.cnns.chain.reference import random_kernel
from autograder.checking.challenge import generator, random_images


@pytest.mark.parametrize("seed", range(20))
def test_kernels_give_activations_of_both_signs_before_and_after_pooling(seed):
    rng = generator(seed)
    kernel = random_kernel(rng)
    assert kernel.shape == (1, 3, 3, 3)
    assert torch.equal(kernel[:, 0], kernel[:, 2])
    pooled = F.max_pool2d(F.conv2d(random_images(1, 3, 32, 32, rng), kernel), 2)
    assert 0.02 < float((pooled < 0).float().mean()) < 0.98
