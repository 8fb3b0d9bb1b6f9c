#pragma once
#include "core/error.hpp"
#include "core/tensor/box.hpp"

namespace aureole {

/// A dense channels-last tensor somewhere in an arena: it owns nothing.
struct Tensor {
    void* data = nullptr;  ///< in the memory space of the execution space
    DType dtype = DType::f32;
    Shape shape;  ///< extents of what is stored here, i.e. of the local box

    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(shape.volume()) * size_of(dtype); }

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
    Box box;  ///< the part held here (with any halo); the whole tensor on one rank

    [[nodiscard]] static TensorSpec whole(DType dtype, Shape const& shape) { return {dtype, shape, Box::whole(shape)}; }
    [[nodiscard]] Shape local() const { return box.shape(); }
    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(local().volume()) * size_of(dtype); }
};

}  // namespace aureole
