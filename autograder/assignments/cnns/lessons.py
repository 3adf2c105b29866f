"""What to teach about the mistakes of `cnns`, without giving the answers away."""

_SIZES = (
    "Follow one image through the network with pencil and paper: a kernel of k x k that stays "
    "inside an image of n pixels has n - k + 1 positions, and pooling by 2 halves what is left. "
)
_ACTIVATION = (
    "Two layers with nothing but additions and multiplications between them collapse into a single "
    "one, so what stands between them matters. "
)
LESSONS: tuple[tuple[str, str], ...] = (  # a pattern of mistakes' names, and the words
    (
        r"chain-padding|conv\d-padding",
        "Padding lays a frame of zeros around the image, so that the kernel also stops where part "
        "of it hangs over the edge; the result then is larger than without. " + _SIZES + "Which "
        "size should come out, and which does?",
    ),
    (
        r"chain-stride|conv\d-stride",
        "The stride is how far the kernel moves from one position to the next. Which layer is "
        "meant to make the image smaller here, the convolution or the pooling?",
    ),
    (
        r"chain-dilation|conv\d-dilation",
        "Dilation pulls the entries of a kernel apart, so that a 3x3 kernel covers 5x5 pixels and "
        "skips those in between. Leave it at 1.",
    ),
    (
        r"chain-input|conv1-input",
        "Images come as they are meant to be used. Bring them to another range where they are "
        "loaded, once for the whole notebook, not in a function or a network that others call.",
    ),
    (
        r"chain-pool|conv\d-pool",
        "Max pooling keeps the strongest response of each block, average pooling blurs it; window "
        "and stride decide how many blocks there are. Print the shape before and after your "
        "pooling, and try it on a block such as [[1, 2], [3, 10]].",
    ),
    (r"conv\d-kernel|kernel-shape", _SIZES + "Which kernel size does the table of layers ask for?"),
    (
        r"conv\d-channels|fc\d-size",
        "Every size in the table is a multiple of num_channel. Write the table's right column next "
        "to your layers: what one layer puts out, the next one takes in.",
    ),
    (
        r"fc\d-inputs",
        _SIZES + "The first fully connected layer takes channels x height x width of what is left; "
        "print x.shape just before it to compare.",
    ),
    (
        r"fc\d-flatten-.*",
        "A global pooling keeps one number for each channel and forgets where in the image it came "
        "from. That is an idea for later in the notebook; here each position keeps its number.",
    ),
    (
        r"flatten-missing",
        "A fully connected layer works on vectors, one for each image. The batch is the first "
        "dimension and stays; everything after it becomes one long vector.",
    ),
    (
        r".*-extra-.*softmax.*|.*-extra-sigmoid",
        "nn.CrossEntropyLoss expects raw logits: it takes the softmax itself. A second one "
        "squeezes the differences between classes, and training slows down.",
    ),
    (
        r".*-extra-.*",
        "The last layer's numbers are logits, of either sign. What does your function do to a "
        "negative one, and what does the loss make of it then?",
    ),
    (
        r".*-missing-relu",
        _ACTIVATION + "Go through forward line by line, and tick off the activation of each row of "
        "the table.",
    ),
    (
        r"(conv|fc)\d-(?!bias|norm|prelu|flatten)[a-z_0-9]+",
        _ACTIVATION + "Which activation does the table name, and which do you use? Compare both on "
        "a few numbers, such as -2, 0 and 3.",
    ),
    (
        r".*-bias",
        "A layer's bias is added to each of its outputs, whatever the input is. See which of your "
        "layers switch it off, and what the exercise says about it.",
    ),
    (
        r".*-norm|.*-prelu|other-parameters|(conv|fc)-extra",
        "Count what has parameters in the table of layers, and what has in your network: "
        "`print(network)` lists them. Whatever is not in the table has to go.",
    ),
    (
        r"(conv|fc)-missing",
        "PyTorch finds a layer only if it is an attribute of the network: `self.name = ...`, or in "
        "an nn.ModuleList. `print(network)` shows what it has found.",
    ),
    (
        r"output-shape",
        "One row for each image, one column for each class, and in it the logits themselves. Print "
        "the shape after each step for a batch of 3 images: where does the 3 get lost?",
    ),
    (
        r"random|chain-random",
        "The same input should always give the same output when a network is evaluated. Look for "
        "layers or random numbers that are made anew in each call: layers belong into __init__, "
        "and what is random has to respect eval().",
    ),
    (
        r"constant",
        "Follow the image through forward: is there a line that does not use the result of the one "
        "before it?",
    ),
    (
        r"other-defaults",
        "An argument's default is what it is when nobody gives it: def f(x=3) makes f() the same "
        "as f(3). Compare the first line of __init__ with the one in the exercise.",
    ),
    (
        r"num_(channel|classes)-ignored|other-sizes|chain-sizes",
        "A number that is written out is right for one size only. Build it with other sizes, for "
        "instance num_channel=3 or an image of 20 x 31, and see which line complains.",
    ),
    (
        r"chain-order",
        "Say the three steps aloud in their order, then read your function in the order in which "
        "it computes, the innermost call first. Print the shape after each step.",
    ),
    (
        r"chain-between|chain-rescale",
        "Activations are not a picture: they have a sign and any size, and later steps rely on "
        "both. What makes a picture of them belongs into the code that draws.",
    ),
    (
        r"chain-kernel|chain-kernel-once",
        "After the first convolution one channel is left, so the second kernel has to fit one "
        "channel. Print the shape of the kernel that you use there, and its sum beside the sum of "
        "the first channel's slice.",
    ),
    (
        r"chain-flipped",
        "What PyTorch calls a convolution does not turn the kernel around first (strictly speaking "
        "it is a cross-correlation). Hand over the kernel as it is.",
    ),
    (
        r"chain-channels|chain-globals",
        "All that the result depends on should come in through the arguments. Rename them in your "
        "function: does it still run, or does it find a variable of the notebook?",
    ),
    (
        r"chain-in-place",
        "Operations that end in an underscore, and assignments such as x[...] = ..., change the "
        "tensor that was handed over. The next cell then works with a changed photograph.",
    ),
    (
        r"improved-positions",
        "A layer with a weight for each position learns what a digit looks like at that position, "
        "and knows nothing of it elsewhere. After the convolutions, each channel is a small map of "
        "where its pattern was found. Which question about such a map has an answer that stays the "
        "same when the pattern moves? Ask that, before the first fully connected layer.",
    ),
    (
        r"improved-border",
        "Draw an image of 9 x 9 pixels, and count at how many positions a kernel of 5 x 5 touches "
        "the pixel in the corner, and at how many the one in the middle. What would have to lie "
        "around the image so that each pixel is touched equally often?",
    ),
    (
        r"improved-bottleneck",
        "Write down, from layer to layer, how many numbers tell of one image. Where they are "
        "fewest, what is lost cannot come back. The largest layer of Net is gone, so there are "
        "parameters to spare: where would you spend them?",
    ),
    (
        r"improved-nan",
        "One number that is NaN makes NaN of all that it touches, the weights too. Print "
        "x.isfinite().all() after each layer, for the first steps of training, to find where it "
        "begins.",
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
    (
        r"chain-bias",
        "A convolution module draws weights and a bias of its own, at random, when it is made. "
        "What should take their place here, and is a bias asked for?",
    ),
)
