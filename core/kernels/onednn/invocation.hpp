#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <vector>

#include "core/kernels/onednn/api.hpp"

namespace aureole::onednn {

/// Carves a kernel's workspace into 64-byte aligned parts.
class WorkspaceLayout {
  public:
    /// Offset of a new part.
    std::size_t add(std::size_t bytes) {
        std::size_t const offset = bytes_;
        bytes_ += (bytes + 63) / 64 * 64;
        return offset;
    }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    std::size_t bytes_ = 0;
};

/// An argument of a primitive: DNNL_ARG_... and how its memory is laid out.
struct Argument {
    int name;
    dnnl::memory::desc layout;
};

/// A primitive with its arguments, made once; the pointers are given at every run.
class Invocation {
  public:
    Invocation() = default;
    Invocation(dnnl::primitive primitive, std::vector<Argument> const& arguments);
    /// Pointers in the order of the arguments.
    void run(std::initializer_list<void*> data) const;

  private:
    dnnl::primitive primitive_;
    std::vector<dnnl::memory> memories_;  // own what arguments_ refers to
    std::vector<dnnl_exec_arg_t> arguments_;
};

/// Attributes of every primitive: the caller provides the scratchpad.
[[nodiscard]] dnnl::primitive_attr user_scratchpad();

/// Copies a tensor to another layout or type, or adds it there.
class Reorder {
  public:
    enum class Mode : std::uint8_t { overwrite, add };
    Reorder(dnnl::memory::desc const& from, dnnl::memory::desc const& to, Mode mode, WorkspaceLayout& workspace);
    void run(void* from, void* to, std::byte* workspace) const;

  private:
    std::size_t scratchpad_ = 0;
    Invocation invocation_;
};

/// Takes a weight gradient from the layout of the primitive to ours, replacing or adding to what is there.
class UnpackedGradient {
  public:
    UnpackedGradient(dnnl::memory::desc const& made, dnnl::memory::desc const& stored, WorkspaceLayout& workspace);
    /// Where the primitive is to write.
    [[nodiscard]] void* target(void* stored, bool accumulate, std::byte* workspace) const;
    /// Completes the gradient after the primitive has run.
    void finish(void* stored, bool accumulate, std::byte* workspace) const;

  private:
    bool same_layout_;
    std::size_t made_;
    Reorder overwrite_, add_;
};

}  // namespace aureole::onednn
