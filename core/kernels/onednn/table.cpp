#include "core/kernels/onednn/table.hpp"

namespace aureole::onednn {

std::vector<Implementation> const& implementations() {
    static std::vector<Implementation> const table{};
    return table;
}

}  // namespace aureole::onednn
