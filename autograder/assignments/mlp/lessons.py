"""What to teach about the mistakes of `mlp`, without giving the answers away."""

LESSONS: tuple[tuple[str, str], ...] = (  # a pattern of mistakes' names, and the words
    (
        r"layers",
        "`for name, p in MLP().named_parameters(): print(name, tuple(p.shape))` shows what PyTorch "
        "has found. The first layer takes all pixels of an image, the last one puts out a number "
        "for each class; what one layer puts out, the next one takes in.",
    ),
    (
        r"missing-relu|sigmoid|tanh|gelu|leaky_relu",
        "Which function does the exercise name between the two layers, and which do you use? "
        "Compare both on a few numbers, such as -2, 0 and 3.",
    ),
    (
        r"extra-relu",
        "The last layer's numbers are logits, of either sign. What does your last line do to a "
        "negative one, and what does the loss make of it then?",
    ),
    (
        r"extra-.*",
        "nn.CrossEntropyLoss expects raw logits: it takes the softmax itself. A second one "
        "squeezes the differences between classes, and training slows down.",
    ),
    (
        r"unknown",
        "Print the shape after each line of forward for a batch of 3 images. Then take a network "
        "whose weights are all 0 but one: which number should come out, and which does?",
    ),
    (
        r"step-sum|step-mean-of-all",
        "Write down the loss of a batch of two images as a formula. By which number is it divided? "
        "The same number divides the gradient.",
    ),
    (
        r"step-uphill",
        "Compute the loss before and after one step with a small learning rate. Does it fall?",
    ),
    (
        r"step-no-softmax|step-no-labels",
        "The exercise gives the gradient with respect to the logits: the softmax, minus 1 at the "
        "label. Write out both parts for one image with two classes, logits 0 and 0, and label 1.",
    ),
    (
        r"step-overflow",
        "torch.exp(torch.tensor(1000.0)) is infinite, and infinity divided by infinity is not a "
        "number. PyTorch has a softmax that keeps clear of that.",
    ),
    (
        r"step-in-place",
        "Operations that end in an underscore, `-=`, and assignments such as x[...] = ... change "
        "the tensor that was handed over. Whoever calls your function still needs it.",
    ),
)
