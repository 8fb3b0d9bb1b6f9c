#pragma once
#include "core/models/network_builder.hpp"

namespace aureole {

struct AmoebaNetOptions {
    Index cells = 18;     ///< normal cells, a multiple of 3: a third of them before, between and after two reductions
    Index filters = 416;  ///< four times those of the stem, at least 8
    Index classes = 10;
};

/// AmoebaNet-D (Real, Aggarwal, Huang, Le, "Regularized evolution for image classifier architecture search", 2019) in
/// the form that is common in work on model parallelism: stem of a 3 x 3 convolution of stride 2 and two reduction
/// cells, then thirds of normal cells with a reduction cell between them, global average pooling and a linear layer.
/// x (n, 1, h, w, c) -> logits (n, 1, 1, 1, classes). Units: stem1, stem2, stem3, every cell, the classifier: cells
/// + 6.
///
/// A cell reads the results of the two cells before it, brings both to its channels, combines pairs of operations by
/// addition into five new states and concatenates some of them. Channels are filters / 4 in the stem and double in
/// every reduction cell; a normal cell returns four times its channels, a reduction cell three times.
///
/// Every convolution is preceded by ReLU and followed by batch norm, the first one too: it sees the positive part of
/// the image only, so scale images to [0, 1].
///
/// Where a widely copied implementation for PyTorch strays from the paper's program, this follows the program:
/// max3 takes maxima (there it takes averages), and the second half of a factorized reduction looks at the pixels one
/// further along h and w (there both halves look at the same quarter of the pixels). Neither changes the number of
/// parameters, 312,433,690 for 18 cells, 416 filters and 10 classes.
///
/// Images may have any size: every step of stride 2 rounds up. 2 x 2 windows and shifted pixels that reach beyond an
/// odd extent see padding there, which is no maximum, and 0 for the shifted pixels.
ValueId amoebanet(NetworkBuilder& net, ValueId x, AmoebaNetOptions const& options);

}  // namespace aureole
