#include "parallel/exchange/box_copy.hpp"

#include <algorithm>

#include "core/kernels/launch.hpp"

namespace aureole {

namespace {

/// Rows (n, d, h) of one part: where they begin in both tensors. If the part lacks channels of either tensor, its rows
/// are single pixels (n, d, h, w).
struct Piece {
    void const* from;
    void* to;
    Index first_row, depth, height, columns, width;  ///< width: elements of a row
    Index from_n, from_d, from_h, from_w;            ///< strides in elements
    Index to_n, to_d, to_h, to_w;
};

inline constexpr int most_pieces = 16;

struct PieceList {
    Piece pieces[most_pieces];
    int count = 0;
    Index rows = 0, longest = 0;  ///< all rows, elements of the longest one

    void add(BoxCopy const& copy) {
        Shape const shape = copy.part.shape();
        Strides const from = copy.from.tensor.strides(), to = copy.to.tensor.strides();
        bool const all_channels = shape.c == from.w && shape.c == to.w;
        Index const columns = all_channels ? 1 : shape.w, width = all_channels ? shape.w * shape.c : shape.c;
        pieces[count++] = {address_of(copy.from, copy.part),
                           address_of(copy.to, copy.part),
                           rows,
                           shape.d,
                           shape.h,
                           columns,
                           width,
                           from.n,
                           from.d,
                           from.h,
                           from.w,
                           to.n,
                           to.d,
                           to.h,
                           to.w};
        rows += shape.n * shape.d * shape.h * columns;
        longest = std::max(longest, width);
    }
};

template <class T>
struct Copy {
    KOKKOS_INLINE_FUNCTION static void apply(T& to, T from) { to = from; }
};

template <class T>
struct Add {
    KOKKOS_INLINE_FUNCTION static void apply(T& to, T from) {
        using A = Accumulation<T>;
        to = T(A(to) + A(from));
    }
};

template <class T, template <class> class Operation>
struct ForPieces {
    PieceList list;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        int at = 0;
        while (at + 1 < list.count && row >= list.pieces[at + 1].first_row) { ++at; }
        Piece const& piece = list.pieces[at];
        Index const local = row - piece.first_row, w = local % piece.columns, line = local / piece.columns;
        Index const h = line % piece.height, slice = line / piece.height;
        Index const d = slice % piece.depth, n = slice / piece.depth;
        T const* const from = static_cast<T const*>(piece.from) + n * piece.from_n + d * piece.from_d +
                              h * piece.from_h + w * piece.from_w;
        T* const to = static_cast<T*>(piece.to) + n * piece.to_n + d * piece.to_d + h * piece.to_h + w * piece.to_w;
        Index const last = end < piece.width ? end : piece.width;
        for (Index i = begin; i < last; ++i) { Operation<T>::apply(to[i], from[i]); }
    }
};

template <class T, template <class> class Operation>
void run(char const* label, std::span<BoxCopy const> copies) {
    PieceList list;
    for (BoxCopy const& copy : copies) {
        if (copy.part.empty()) { continue; }
        if (list.count == most_pieces) {
            for_rows(label, list.rows, list.longest, ForPieces<T, Operation>{list});
            list = {};
        }
        list.add(copy);
    }
    for_rows(label, list.rows, list.longest, ForPieces<T, Operation>{list});
}

}  // namespace

void copy_boxes(char const* label, std::span<BoxCopy const> copies) {
    if (copies.empty()) { return; }
    switch (size_of(copies[0].from.tensor.dtype)) {
        case 1: run<std::uint8_t, Copy>(label, copies); break;
        case 2: run<std::uint16_t, Copy>(label, copies); break;
        case 4: run<std::uint32_t, Copy>(label, copies); break;
        default: run<std::uint64_t, Copy>(label, copies); break;
    }
}

void add_boxes(char const* label, std::span<BoxCopy const> copies) {
    if (copies.empty()) { return; }
    switch (copies[0].from.tensor.dtype) {
        case DType::f64: run<double, Add>(label, copies); break;
        case DType::f32: run<float, Add>(label, copies); break;
        case DType::bf16: run<BFloat16, Add>(label, copies); break;
        default: fail(ExitCode::internal, "{}: no addition of {}", label, name_of(copies[0].from.tensor.dtype));
    }
}

std::byte* address_of(BoxedTensor const& tensor, Box const& part) {
    Index const offset = offset_of(tensor.tensor.strides(), tensor.box, part);
    return static_cast<std::byte*>(tensor.tensor.data) + offset * static_cast<Index>(size_of(tensor.tensor.dtype));
}

Index offset_of(Strides const& strides, Box const& whole, Box const& part) {
    auto const stride = strides.all();
    Index offset = part.lo[4] - whole.lo[4];
    for (std::size_t axis = 0; axis < stride.size(); ++axis) {
        offset += (part.lo[axis] - whole.lo[axis]) * stride[axis];
    }
    return offset;
}

std::optional<Index> contiguous_offset(Strides const& strides, Box const& whole, Box const& part) {
    auto const extent = part.shape().extents();
    auto const stride = strides.all();
    Index run = extent[4];  // elements of the axes that follow
    for (std::size_t axis = stride.size(); axis-- > 0;) {
        if (extent[axis] != 1 && stride[axis] != run) { return {}; }
        run *= extent[axis];
    }
    return offset_of(strides, whole, part);
}

}  // namespace aureole
