#include "core/kernels/native/loss_sums.hpp"

namespace aureole::native {

namespace {

struct AddUpGroups {
    LossSums sums;
    double const* __restrict partial;
    double* __restrict grouped;

    KOKKOS_INLINE_FUNCTION void operator()(Index row, Index begin, Index end) const {
        Index const sample = row / sums.groups(), group = row % sums.groups();
        Index const first = group * sums.group_chunks;
        Index const last = first + sums.group_chunks < sums.chunks() ? first + sums.group_chunks : sums.chunks();
        for (Index column = begin; column < end; ++column) {
            double total = 0;
            for (Index chunk = first; chunk < last; ++chunk) {
                total += partial[(sample * sums.chunks() + chunk) * sums.columns + column];
            }
            grouped[row * sums.columns + column] = total;
        }
    }
};

}  // namespace

void LossSums::add_up(std::byte* workspace) const {
    for_rows("aureole::loss::add_up", samples * groups(), columns,
             AddUpGroups{*this, partial(workspace), grouped(workspace)});
}

}  // namespace aureole::native
