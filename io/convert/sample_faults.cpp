#include "io/convert/sample_faults.hpp"

#include <algorithm>

namespace aureole::convert {

std::string indented_list(std::vector<std::string> const& lines, std::size_t most) {
    std::string text;
    for (std::size_t i = 0; i < std::min(most, lines.size()); ++i) { text += fmt::format("\n  {}", lines[i]); }
    if (lines.size() > most) { text += fmt::format("\n  ... and {} more", lines.size() - most); }
    return text;
}

void SampleFaults::skip_noted() {
    skipped_ = std::move(damaged_);
    damaged_.clear();
    rule_ = Damaged::refuse;
}

void SampleFaults::require_none() const {
    constexpr std::size_t most = 20;
    if (!are_fatal()) { return; }
    std::vector<std::string> all = others_;
    std::size_t const damaged = rule_ == Damaged::refuse ? damaged_.size() : 0;
    if (damaged > 0) { all.insert(all.end(), damaged_.begin(), damaged_.end()); }
    if (all.size() == 1) {
        fail(ExitCode::data_error, "{}{}", all.front(), damaged > 0 ? ", or leave it out by --skip-damaged" : "");
    }
    std::string const way_out =
        damaged > 0 ? fmt::format(", or leave the damaged ones ({}) out by --skip-damaged", damaged) : "";
    fail(ExitCode::data_error, "{} samples cannot be converted: mend or remove them{}{}", all.size(), way_out,
         indented_list(all, most));
}

}  // namespace aureole::convert
