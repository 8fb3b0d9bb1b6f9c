#pragma once
#include <vector>

#include "core/kernels/onednn/invocation.hpp"
#include "core/tensor/shape.hpp"

namespace aureole::onednn {

/// How stored weights (t, r, s, rows, groups * columns) in f32 are read: as (output, input) = (column, row), or the
/// other way round for the convolution that leads back; `reversed` turns every kernel axis round as well.
struct StoredWeights {
    Shape shape;
    Index groups = 1;
    bool transposed = false;
    bool reversed = false;
};

/// Weights as a primitive wants them: a copy in the workspace in f32 or bf16, or the stored ones if the layouts agree.
///
/// The library's own reorders walk f32 weights of 512 x 512 x 3 x 3 at a tenth of the memory's speed where it wants
/// bf16 or exchanged channels, which costs half as much as the convolution of a small image. In a blocked layout the
/// place of an element is a sum of one term per axis, so one loop over tiles with four ways to write a tile does all.
class PackedWeights {
  public:
    PackedWeights(StoredWeights const& stored, DType dtype, dnnl::memory::desc const& wanted,
                  WorkspaceLayout& workspace);
    /// The weights for the primitive; they are packed anew at every call.
    [[nodiscard]] void* prepare(void* stored, std::byte* workspace) const;

    /// How a tile of 16 x 16 weights lies in the packed layout.
    enum class Pattern : std::uint8_t {
        columns,       ///< columns are neighbours
        row_pairs,     ///< columns are neighbours, each with two rows
        rows,          ///< rows are neighbours
        column_pairs,  ///< rows are neighbours, each with two columns
        scattered,
    };

  private:
    StoredWeights stored_;
    bool same_ = false, bf16_ = false;
    std::size_t packed_ = 0;
    Pattern pattern_ = Pattern::scattered;
    std::vector<Index> taps_, groups_, rows_, columns_;  // terms of an element's place
};

}  // namespace aureole::onednn
