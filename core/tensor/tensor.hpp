#pragma once
#include <optional>

#include "core/error.hpp"
#include "core/tensor/box.hpp"

namespace aureole {

/// A channels-last tensor somewhere in an arena: it owns nothing. It is dense, or part of a dense one: then other
/// elements lie between its rows.
struct Tensor {
    void* data = nullptr;  ///< first element, in the memory space of the execution space
    DType dtype = DType::f32;
    Shape shape;                       ///< extents of what is stored here, i.e. of the local box
    std::optional<Strides> strided{};  ///< of a part of a dense tensor; none: this one is dense

    /// Of its own elements.
    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(shape.volume()) * size_of(dtype); }
    [[nodiscard]] Strides strides() const { return strided.value_or(Strides::of(shape)); }

    /// Typed pointer; the type must be the tensor's.
    template <class T>
    [[nodiscard]] T* as() const {
        require(dtype == dtype_of<T>, "tensor holds {}, asked for {}", name_of(dtype), name_of(dtype_of<T>));
        return static_cast<T*>(data);
    }
};

/// What is known of a tensor before memory exists: its global shape and the part of it that this rank holds.
struct TensorSpec {
    DType dtype = DType::f32;
    Shape global;
    Box box;                      ///< the part held here (with any halo); the whole tensor on one rank
    std::optional<Box> within{};  ///< the part of the dense tensor in whose memory `box` lies; none: it is dense itself

    [[nodiscard]] static TensorSpec whole(DType dtype, Shape const& shape) { return {dtype, shape, Box::whole(shape)}; }
    [[nodiscard]] Shape local() const { return box.shape(); }
    /// Of its own elements.
    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(local().volume()) * size_of(dtype); }
    /// What is dense in memory: the part, or what it lies within.
    [[nodiscard]] Box const& stored() const { return within ? *within : box; }
    [[nodiscard]] Strides strides() const { return Strides::of(stored().shape()); }
};

}  // namespace aureole
