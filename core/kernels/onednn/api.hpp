#pragma once
#include <oneapi/dnnl/dnnl.hpp>

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

/// The only place that knows which version of oneDNN is used: version 2 makes a primitive descriptor from an operation
/// descriptor, version 3 directly from the arguments. Every function gives an empty descriptor if the library has no
/// implementation, and throws dnnl::error if the arguments contradict each other.
namespace aureole::onednn {

/// One engine and one stream for the process; both execute at once on the calling thread's OpenMP team.
[[nodiscard]] inline dnnl::engine const& engine() {
    static dnnl::engine const cpu(dnnl::engine::kind::cpu, 0);
    return cpu;
}
[[nodiscard]] inline dnnl::stream const& stream() {
    static dnnl::stream const in_order(engine());
    return in_order;
}

/// Arguments of a convolution in the library's words: tensors are (n, c, [d,] h, w), dilations count from zero.
struct ConvDescription {
    dnnl::memory::desc x, w, b, y;  ///< b is empty if there is no bias
    dnnl::memory::dims strides, dilations, pad_lo, pad_hi;
};

/// Arguments of a matrix product y (n, k) = x (n, c) w (k, c)^T + b.
struct LinearDescription {
    dnnl::memory::desc x, w, b, y;
};

/// Where the library keeps the elements of a tensor: index i of an axis is split by the blocks of that axis, innermost
/// last; what is left of it is multiplied by the axis' stride.
struct Blocking {
    struct Block {
        int axis;
        dnnl::memory::dim size;
    };
    std::vector<dnnl::memory::dim> extents, strides;  ///< extents with padding
    std::vector<Block> blocks;
};

using ConvForward = dnnl::convolution_forward;
using ConvBackwardData = dnnl::convolution_backward_data;
using ConvBackwardWeights = dnnl::convolution_backward_weights;
using Deconv = dnnl::deconvolution_forward;
using LinearForward = dnnl::inner_product_forward;
using LinearBackwardData = dnnl::inner_product_backward_data;
using LinearBackwardWeights = dnnl::inner_product_backward_weights;

inline constexpr auto direct = dnnl::algorithm::convolution_direct;
inline constexpr auto direct_transposed = dnnl::algorithm::deconvolution_direct;
inline constexpr auto training = dnnl::prop_kind::forward_training;
inline constexpr bool may_be_empty = true;

/// Whether the implementation of that name is wanted; empty: every one is.
using Wanted = std::function<bool(std::string_view name)>;

[[nodiscard]] inline Wanted both(Wanted a, Wanted b) {
    if (!a || !b) { return a ? a : b; }
    return [a = std::move(a), b = std::move(b)](std::string_view name) { return a(name) && b(name); };
}

/// Moves a descriptor on to the first implementation that is wanted.
template <class Descriptor>
[[nodiscard]] bool seek(Descriptor& descriptor, Wanted const& wanted) {
    if (!descriptor) { return false; }
    if (!wanted) { return true; }
    do {
        if (wanted(descriptor.impl_info_str())) { return true; }
    } while (descriptor.next_impl());
    return false;
}

/// The first implementation that is trusted, or an empty descriptor.
template <class Descriptor>
[[nodiscard]] Descriptor first_trusted(Descriptor descriptor, Wanted const& trusted) {
    return seek(descriptor, trusted) ? descriptor : Descriptor();
}

/// The first one that is preferred too, if there is one. `make` gives a descriptor of all implementations.
template <class Make>
[[nodiscard]] auto preferred_or_trusted(Make const& make, Wanted const& preferred, Wanted const& trusted) {
    auto descriptor = make();
    bool const found = preferred && seek(descriptor, both(preferred, trusted));
    return found ? descriptor : first_trusted(make(), trusted);
}

#if DNNL_VERSION_MAJOR >= 3

/// The first preferred implementation that is trusted, or the first trusted one.
[[nodiscard]] inline ConvForward::primitive_desc conv_forward(ConvDescription const& a,
                                                              dnnl::primitive_attr const& attributes,
                                                              Wanted const& trusted, Wanted const& preferred = {}) {
    auto const make = [&] {
        return ConvForward::primitive_desc(engine(), training, direct, a.x, a.w, a.b, a.y, a.strides, a.dilations,
                                           a.pad_lo, a.pad_hi, attributes, may_be_empty);
    };
    return preferred_or_trusted(make, preferred, trusted);
}

[[nodiscard]] inline ConvBackwardData::primitive_desc conv_backward_data(ConvDescription const& a,
                                                                         ConvForward::primitive_desc const& hint,
                                                                         dnnl::primitive_attr const& attributes,
                                                                         Wanted const& trusted) {
    return first_trusted(ConvBackwardData::primitive_desc(engine(), direct, a.x, a.w, a.y, a.strides, a.dilations,
                                                          a.pad_lo, a.pad_hi, hint, attributes, may_be_empty),
                         trusted);
}

[[nodiscard]] inline ConvBackwardWeights::primitive_desc conv_backward_weights(ConvDescription const& a,
                                                                               ConvForward::primitive_desc const& hint,
                                                                               dnnl::primitive_attr const& attributes,
                                                                               Wanted const& trusted) {
    return first_trusted(
        ConvBackwardWeights::primitive_desc(engine(), direct, a.x, a.w, a.b, a.y, a.strides, a.dilations, a.pad_lo,
                                            a.pad_hi, hint, attributes, may_be_empty),
        trusted);
}

/// x is the input of the transposed convolution, y its output.
[[nodiscard]] inline Deconv::primitive_desc deconv(ConvDescription const& a, dnnl::primitive_attr const& attributes,
                                                   Wanted const& trusted) {
    return first_trusted(Deconv::primitive_desc(engine(), training, direct_transposed, a.x, a.w, a.b, a.y, a.strides,
                                                a.dilations, a.pad_lo, a.pad_hi, attributes, may_be_empty),
                         trusted);
}

[[nodiscard]] inline LinearForward::primitive_desc linear_forward(LinearDescription const& a,
                                                                  dnnl::primitive_attr const& attributes) {
    return {engine(), training, a.x, a.w, a.b, a.y, attributes, may_be_empty};
}

[[nodiscard]] inline LinearBackwardData::primitive_desc linear_backward_data(LinearDescription const& a,
                                                                             LinearForward::primitive_desc const& hint,
                                                                             dnnl::primitive_attr const& attributes) {
    return {engine(), a.x, a.w, a.y, hint, attributes, may_be_empty};
}

[[nodiscard]] inline LinearBackwardWeights::primitive_desc linear_backward_weights(
    LinearDescription const& a, LinearForward::primitive_desc const& hint, dnnl::primitive_attr const& attributes) {
    return {engine(), a.x, a.w, a.b, a.y, hint, attributes, may_be_empty};
}

[[nodiscard]] inline bool is_blocked(dnnl::memory::desc const& layout) {
    return layout.get_format_kind() == dnnl::memory::format_kind::blocked;
}

[[nodiscard]] inline Blocking blocking_of(dnnl::memory::desc const& layout) {
    Blocking blocking{layout.get_padded_dims(), layout.get_strides(), {}};
    auto const axes = layout.get_inner_idxs(), sizes = layout.get_inner_blks();
    for (std::size_t i = 0; i < axes.size(); ++i) { blocking.blocks.push_back({static_cast<int>(axes[i]), sizes[i]}); }
    return blocking;
}

#else

// Lists of implementations refer to their operation, which must outlive the search.

/// The first preferred implementation that is trusted, or the first trusted one.
[[nodiscard]] inline ConvForward::primitive_desc conv_forward(ConvDescription const& a,
                                                              dnnl::primitive_attr const& attributes,
                                                              Wanted const& trusted, Wanted const& preferred = {}) {
    ConvForward::desc const operation(training, direct, a.x, a.w, a.b, a.y, a.strides, a.dilations, a.pad_lo, a.pad_hi);
    auto const make = [&] { return ConvForward::primitive_desc(operation, attributes, engine(), may_be_empty); };
    return preferred_or_trusted(make, preferred, trusted);
}

[[nodiscard]] inline ConvBackwardData::primitive_desc conv_backward_data(ConvDescription const& a,
                                                                         ConvForward::primitive_desc const& hint,
                                                                         dnnl::primitive_attr const& attributes,
                                                                         Wanted const& trusted) {
    ConvBackwardData::desc const operation(direct, a.x, a.w, a.y, a.strides, a.dilations, a.pad_lo, a.pad_hi);
    return first_trusted(ConvBackwardData::primitive_desc(operation, attributes, engine(), hint, may_be_empty),
                         trusted);
}

[[nodiscard]] inline ConvBackwardWeights::primitive_desc conv_backward_weights(ConvDescription const& a,
                                                                               ConvForward::primitive_desc const& hint,
                                                                               dnnl::primitive_attr const& attributes,
                                                                               Wanted const& trusted) {
    ConvBackwardWeights::desc const operation(direct, a.x, a.w, a.b, a.y, a.strides, a.dilations, a.pad_lo, a.pad_hi);
    return first_trusted(ConvBackwardWeights::primitive_desc(operation, attributes, engine(), hint, may_be_empty),
                         trusted);
}

/// x is the input of the transposed convolution, y its output.
[[nodiscard]] inline Deconv::primitive_desc deconv(ConvDescription const& a, dnnl::primitive_attr const& attributes,
                                                   Wanted const& trusted) {
    Deconv::desc const operation(training, direct_transposed, a.x, a.w, a.b, a.y, a.strides, a.dilations, a.pad_lo,
                                 a.pad_hi);
    return first_trusted(Deconv::primitive_desc(operation, attributes, engine(), may_be_empty), trusted);
}

[[nodiscard]] inline LinearForward::primitive_desc linear_forward(LinearDescription const& a,
                                                                  dnnl::primitive_attr const& attributes) {
    return {{training, a.x, a.w, a.b, a.y}, attributes, engine(), may_be_empty};
}

[[nodiscard]] inline LinearBackwardData::primitive_desc linear_backward_data(LinearDescription const& a,
                                                                             LinearForward::primitive_desc const& hint,
                                                                             dnnl::primitive_attr const& attributes) {
    return {{a.x, a.w, a.y}, attributes, engine(), hint, may_be_empty};
}

[[nodiscard]] inline LinearBackwardWeights::primitive_desc linear_backward_weights(
    LinearDescription const& a, LinearForward::primitive_desc const& hint, dnnl::primitive_attr const& attributes) {
    return {{a.x, a.w, a.b, a.y}, attributes, engine(), hint, may_be_empty};
}

[[nodiscard]] inline bool is_blocked(dnnl::memory::desc const& layout) {
    return layout.data.format_kind == dnnl_blocked;
}

[[nodiscard]] inline Blocking blocking_of(dnnl::memory::desc const& layout) {
    dnnl_blocking_desc_t const& raw = layout.data.format_desc.blocking;
    int const axes = layout.data.ndims;
    Blocking blocking{{layout.data.padded_dims, layout.data.padded_dims + axes}, {raw.strides, raw.strides + axes}, {}};
    for (int i = 0; i < raw.inner_nblks; ++i) {
        blocking.blocks.push_back({static_cast<int>(raw.inner_idxs[i]), raw.inner_blks[i]});
    }
    return blocking;
}

#endif

}  // namespace aureole::onednn
