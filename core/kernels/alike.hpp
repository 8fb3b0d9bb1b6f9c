#pragma once
#include <algorithm>

#include "core/kernels/launch.hpp"
#include "core/tensor/lines.hpp"

namespace aureole {

namespace detail {

/// Dense tensors: element i of all of them lies at i.
template <std::size_t K, class Functor>
struct AlikeElements {
    Functor functor;
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        Index at[K];
        for (std::size_t k = 0; k < K; ++k) { at[k] = begin; }
        functor(at, end - begin);
    }
};

template <std::size_t K, class Functor>
struct AlikeLines {
    Functor functor;
    Lines lines[K];
    KOKKOS_INLINE_FUNCTION void operator()(Index line, Index begin, Index end) const {
        Index at[K];
        for (std::size_t k = 0; k < K; ++k) { at[k] = lines[k].begin(line) + begin; }
        functor(at, end - begin);
    }
};

}  // namespace detail

/// Element-wise work on K tensors of one shape, of which any may be strided.
template <std::size_t K>
class Alike {
  public:
    explicit Alike(std::array<TensorSpec const*, K> const& tensors) {
        for (std::size_t k = 0; k < K; ++k) { lines_[k] = Lines::of(*tensors[k]); }
    }

    /// Runs functor(at, count) over all elements: `count` of them are neighbours, those of tensor k from its element
    /// at[k] on.
    template <class Functor>
    void run(char const* label, Functor const& functor) const {
        if (std::all_of(lines_.begin(), lines_.end(), [](Lines const& each) { return each.dense; })) {
            for_elements(label, lines_[0].length * lines_[0].count, detail::AlikeElements<K, Functor>{functor});
            return;
        }
        detail::AlikeLines<K, Functor> by_lines{functor, {}};
        for (std::size_t k = 0; k < K; ++k) { by_lines.lines[k] = lines_[k]; }
        for_rows(label, lines_[0].count, lines_[0].length, by_lines);
    }

  private:
    std::array<Lines, K> lines_;
};

}  // namespace aureole
