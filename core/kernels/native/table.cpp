#include "core/kernels/native/table.hpp"

namespace aureole::native {

std::vector<Implementation> const& implementations() {
    static std::vector<Implementation> const table{};
    return table;
}

}  // namespace aureole::native
