#include "parallel/schedule/links.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "parallel/schedule/operation.hpp"

namespace aureole {

namespace {

std::size_t count_batches(Schedule const& schedule) {
    int last = 0;
    for (std::vector<Instruction> const& row : schedule.rows) {
        for (Instruction const& one : row) {
            if (has_micro_batch(one.op)) { last = std::max(last, one.micro_batch); }
        }
    }
    return as_size(last) + 1;
}

}  // namespace

std::vector<Link> chain(int stages) {
    std::vector<Link> links;
    for (int stage = 0; stage + 1 < stages; ++stage) { links.push_back({stage, stage + 1}); }
    return links;
}

LinkTable::LinkTable(int stages, std::span<Link const> links)
    : links_(links.begin(), links.end()), into_(as_size(stages)), out_of_(as_size(stages)) {
    for (int i = 0; i < count(); ++i) {
        auto const [from, to] = links_[as_size(i)];
        require(0 <= from && from < to && to < stages, "link {} -> {} does not fit {} stages (links go forwards)", from,
                to, stages);
        require(find(from, to) == -1, "link {} -> {} is given twice", from, to);
        into_[as_size(to)].push_back(i);
        out_of_[as_size(from)].push_back(i);
    }
    for (std::vector<int>& list : into_) {
        std::sort(list.begin(), list.end(), [&](int a, int b) { return (*this)[a].from > (*this)[b].from; });
    }
    for (std::vector<int>& list : out_of_) {
        std::sort(list.begin(), list.end(), [&](int a, int b) { return (*this)[a].to < (*this)[b].to; });
    }
}

int LinkTable::find(int from, int to) const {
    if (from < 0 || as_size(from) >= out_of_.size()) { return -1; }
    for (int const link : out_of(from)) {
        if ((*this)[link].to == to) { return link; }
    }
    return -1;
}

int LinkTable::link_of(Instruction const& message) const {
    bool const from_here = message.op == Op::send_activation || message.op == Op::receive_gradient;
    return from_here ? find(message.stage, message.peer) : find(message.peer, message.stage);
}

WorkIndex::WorkIndex(Schedule const& schedule, int links)
    : pipes_(schedule.placement.size()),
      stages_(as_size(schedule.stages)),
      links_(as_size(links)),
      batches_(count_batches(schedule)) {}

std::size_t WorkIndex::message(Instruction const& one, int link) const {
    bool const is_gradient = one.op == Op::send_gradient || one.op == Op::receive_gradient;
    std::size_t const channel = (as_size(one.pipe) * links_ + as_size(link)) * 2 + (is_gradient ? 1 : 0);
    return channel * batches_ + as_size(one.micro_batch);
}

}  // namespace aureole
