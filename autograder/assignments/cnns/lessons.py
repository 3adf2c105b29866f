"""What to teach about the mistakes of `cnns`, without giving the answers away."""

_SIZES = (
    "Follow one image from step to step with pencil and paper. Without padding, and with stride "
    "and dilation 1, a k x k kernel has n - k + 1 positions across an image of n x n pixels, and "
    "as many down. Pooling by 2 halves what is left. "
)
_PADDING = (
    "Padding lays a frame of zeros around the image. The kernel then has more positions, and the "
    "result is larger. " + _SIZES + "Which size should come out, and which does?"
)
_STRIDE = (
    "The stride is how far the kernel moves from one position to the next. Which step is meant to "
    "make the image smaller here, the convolution or the pooling?"
)
_DILATION = (
    "Dilation pulls the numbers of a kernel apart: with dilation 2, a 3x3 kernel covers 5x5 pixels "
    "and skips those in between. Leave it at 1."
)
_FC1 = (
    " Once that is mended, the feature maps have another size. So print x.shape just before fc1: "
    "it has to take channels x height x width numbers."
)
_ACTIVATION = "Two layers without an activation between them can do no more than one layer. "
LESSONS: tuple[tuple[str, str], ...] = (  # a pattern of mistakes' names, and the words
    (r"chain-padding", _PADDING),
    (r"conv\d-padding", _PADDING + _FC1),
    (r"chain-stride", _STRIDE),
    (r"conv\d-stride", _STRIDE + _FC1),
    (r"chain-dilation", _DILATION),
    (r"conv\d-dilation", _DILATION + _FC1),
    (
        r"conv\d-groups",
        "With groups, a kernel sees only some of the channels that reach it. Without, each kernel "
        "sees all of them, and adds them up. Leave it at 1.",
    ),
    (
        r"chain-input|conv1-input",
        "Use the image as it comes: the first step of the exercise is a convolution. Which line "
        "changes the image before that?",
    ),
    (
        r"chain-pool|conv\d-pool",
        "Max pooling keeps the largest number of each block. Window and stride decide how many "
        "blocks there are. Print the shape before and after your pooling. Try it on the block "
        "[[1, 2], [3, 10]], and on 6 x 6 numbers: which blocks are looked at, and what is kept?",
    ),
    (
        r"conv\d-kernel|kernel-shape",
        _SIZES + "Which kernel size does the table of layers ask for?" + _FC1,
    ),
    (
        r"conv\d-channels|fc\d-size",
        "Every size in the table is a multiple of num_channel. Write the table's right column next "
        "to your layers: what one layer puts out, the next one takes in.",
    ),
    (
        r"conv\d-inputs",
        "A convolution takes as many channels as reach it: the first one those of the images "
        "(MNIST is grey, so one), the second one what the first puts out.",
    ),
    (
        r"fc\d-inputs",
        _SIZES + "The first fully connected layer takes channels x height x width of what is left. "
        "Print x.shape just before it, and compare.",
    ),
    (
        r"fc\d-flatten-.*",
        "A global pooling keeps one number for each channel, and forgets where in the image it "
        "was. That is an idea for exercise 3. Here each position keeps its number.",
    ),
    (
        r"flatten-missing",
        "A fully connected layer takes one vector for each image. The batch is the first "
        "dimension, and stays. Everything behind it becomes one long vector.",
    ),
    (
        r".*-extra-.*softmax.*|.*-extra-sigmoid",
        "nn.CrossEntropyLoss takes raw logits, and computes the softmax itself. A second one makes "
        "the differences between classes small, and training slow.",
    ),
    (
        r".*-extra-.*",
        "The last layer's numbers are logits: they may be negative. What does your function do to "
        "a negative number?",
    ),
    (
        r".*-missing-relu",
        _ACTIVATION + "Go through forward line by line, and mark the activation of each row of "
        "the table.",
    ),
    (
        r"(conv|fc)\d-frozen",
        "Training changes a parameter only if a gradient gets there. requires_grad = False keeps "
        "it from one parameter. torch.no_grad() and .detach() keep it from all that stands before "
        "them too. After loss.backward(), print p.grad for each parameter: where it is "
        "None, nothing is learned.",
    ),
    (
        r"(conv|fc)\d-(?!bias|norm|prelu|flatten)[a-z_0-9]+",
        _ACTIVATION + "Which activation does the table name, and which do you use? Compare both on "
        "a few numbers, such as -2, 0 and 3.",
    ),
    (
        r"chain-bias",
        "The exercise asks for nothing that is added. Look for a `+`, and for a module: nn.Conv2d "
        "makes a bias of its own at random, unless it is told not to.",
    ),
    (
        r".*-bias",
        "A bias is a number for each output that a layer adds, whatever comes in. Does one of your "
        "layers switch it off (bias=False)? What does the exercise say about it?",
    ),
    (
        r".*-norm|.*-prelu|other-parameters|(conv|fc)-extra",
        "`print(network)` lists your layers. Compare them with the table: what is not in the table "
        "has to go.",
    ),
    (
        r"(conv|fc)-missing",
        "PyTorch finds a layer only if it is an attribute of the network (`self.name = ...` in "
        "__init__), or in an nn.ModuleList. `print(network)` shows what it has found. Only that is "
        "trained.",
    ),
    (
        r"output-shape",
        "One row for each image, one column for each class, and in it the logits themselves. Print "
        "the shape after each step for a batch of 3 images: where does the 3 get lost?",
    ),
    (
        r"output-kind",
        "What stands behind `return` is what the caller gets: nothing gives None, names with "
        "commas between them give a tuple, and .numpy() gives an array. Return one tensor: what "
        "the exercise asks for, and nothing beside it.",
    ),
    (
        r"batch-mixed",
        "Each image has to be computed on its own, whatever else is in the batch. Look for a "
        "reshape or a transpose that moves numbers from one image to another, and for a mean over "
        "the batch. To test it, compare network(images)[:1] with network(images[:1]).",
    ),
    (
        r"chain-random",
        "The same image and kernel should always give the same result. Which line of yours gives "
        "something else each time: a random number, or a module that is made anew in each call?",
    ),
    (
        r"random",
        "The same input should always give the same output when a network is tested. Look for "
        "layers and random numbers that are made anew in each call. Layers belong in __init__, "
        "and what is random has to stop in eval mode.",
    ),
    (
        r"constant",
        "Follow the image through forward: is there a line that does not use the result of the one "
        "before it?",
    ),
    (
        r"other-defaults",
        "With def f(x=3), f() is the same as f(3). Compare the first line of __init__ with the one "
        "in the exercise.",
    ),
    (
        r"num_(channel|classes)-ignored|other-sizes|chain-sizes",
        "A size that is written out as a number is right once. Try other sizes, for instance "
        "num_channel=3 or an image of 20 x 31: which line complains?",
    ),
    (
        r"chain-order",
        "Say the three steps aloud in their order. Then read your function in the order in which "
        "it computes: the innermost call comes first. Print the shape after each step.",
    ),
    (
        r"chain-between",
        "Between the two convolutions there should be max pooling, and nothing else. Print the "
        "shape, and the numbers of one 2x2 block, before the pooling and after it, and what the "
        "second convolution gets. Which line changes something else?",
    ),
    (
        r"chain-rescale",
        "Activations may be negative, and of any size. Return them as the second convolution gives "
        "them. To look at them as a picture, rescale a copy in the cell that draws it.",
    ),
    (
        r"chain-nan",
        "The root or the logarithm of a negative number is NaN, and so is 0 / 0. Activations may "
        "be negative. Print x.isfinite().all() after each step: where does it begin?",
    ),
    (
        r"chain-kernel",
        "After the first convolution one channel is left, so the second kernel needs one channel. "
        "Print the shape of the kernel that you use there, and compare its numbers with the first "
        "channel's slice.",
    ),
    (
        r"chain-first|chain-second",
        "Three steps are asked for, and no other: convolution, max pooling of 2x2 blocks, "
        "convolution. " + _SIZES + "Which size should come out of each step, and which does?",
    ),
    (
        r"chain-other-kernel",
        "Both convolutions should use the numbers of the argument `kernel`, as they are. Print "
        "what each convolution gets as its kernel, and compare it with the argument.",
    ),
    (
        r"chain-flipped",
        "F.conv2d lays the kernel on the image as it is, and does not turn it first. Give it the "
        "numbers of the kernel in the order in which they come.",
    ),
    (
        r"chain-channels",
        "A kernel has as many channels as the image. The convolution multiplies each colour with "
        "its slice, and adds up the three: F.conv2d(image, kernel) does both.",
    ),
    (
        r"chain-globals",
        "The result should depend on the image and on the kernel, and on nothing else. Where does "
        "your function use each of them? A variable of the notebook, or a module with weights of "
        "its own, must not take their place.",
    ),
    (
        r"chain-in-place",
        "Operations that end in an underscore, and lines such as x[...] = ... or x += ..., change "
        "the tensor that was given to your function. The next cell then works with a changed "
        "photograph.",
    ),
    (
        r"improved-positions",
        "A layer with a weight for each position learns what a digit looks like at that position, "
        "and nowhere else. A convolution puts out a small map for each channel, which shows where "
        "the channel's pattern was found. Which number can you take of such a map that "
        "stays the same when the pattern moves to another place? Hand that number to the first "
        "fully connected layer, and not the whole map.",
    ),
    (
        r"improved-border",
        "Draw an image of 9 x 9 pixels. At how many positions does a kernel of 5 x 5 touch the "
        "pixel in the corner, and at how many the one in the middle? What would have to lie around "
        "the image so that both numbers are equal? Every convolution has such a border: what helps "
        "one of them, each of them needs.",
    ),
    (
        r"improved-background",
        "A convolution with a bias makes some other number of the black background. Padding then "
        "adds zeros outside, so that there is an edge around the image. Can you do without the "
        "bias, or take something of each map that such an edge does not change?",
    ),
    (
        r"improved-stride",
        "Strides, poolings and patches cut the image into blocks. A digit that moves by a whole "
        "number of blocks looks the same to them, and a digit that moves by half a block does not. "
        "Multiply the strides of your layers. Then move a digit by that many pixels, and by fewer.",
    ),
    (
        r"improved-bottleneck",
        "Write down, from layer to layer, how many numbers tell of one image. What is lost where "
        "they are fewest cannot come back. The largest layer of Net is gone, so you may use more "
        "parameters elsewhere: where?",
    ),
    (
        r"improved-nan",
        "One number that is NaN makes NaN of all that it touches, the weights too. Print "
        "x.isfinite().all() after each layer, in the first steps of training: where does it begin?",
    ),
    (
        r"improved-random",
        "Training may use chance, testing may not: the same image should get the same answer each "
        "time. Ask self.training in forward, or use a module such as nn.Dropout, which does.",
    ),
    (
        r"improved-frozen",
        "After loss.backward(), print p.grad for each parameter: where it is None, nothing is "
        "learned. torch.no_grad() and .detach() keep the gradient from all that stands before "
        "them.",
    ),
    (
        r"improved-constant",
        "Print the output for two digits, layer by layer: behind which layer are they the same? "
        "Weights of zero give zero for every image. PyTorch's own random weights do not.",
    ),
    (
        r"improved-slow",
        "Print mean and standard deviation of what reaches the last layer, over a batch of digits. "
        "If they hardly differ from digit to digit, its weights first have to grow very large. "
        "Which layer brings a batch to mean 0 and deviation 1? Or what else than its mean could "
        "you take of each map?",
    ),
    (
        r"improved-parameters",
        "`for name, p in ImprovedNet().named_parameters(): print(name, p.numel())` shows where "
        "they are. Which of these layers does your idea no longer need?",
    ),
)
