#include "unit_tests/parallel/schedule/random_schedule.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "parallel/schedule/links.hpp"

namespace aureole::test {

ScheduleRequest random_request(Dice& dice) {
    ScheduleRequest request;
    request.kind = static_cast<ScheduleKind>(dice.between(0, static_cast<int>(schedule_names().size()) - 1));
    request.ranks = dice.between(1, 6);
    request.chunks = has_chunks(request.kind) ? dice.between(1, 4) : 1;
    request.micro_batches = dice.between(1, 12);
    if (request.kind == ScheduleKind::interleaved) {
        int const groups = std::max(1, 12 / request.ranks);
        request.micro_batches = request.ranks * dice.between(1, groups);
    }
    return request;
}

std::vector<Link> random_links(Dice& dice, int stages) {
    std::vector<Link> links = chain(stages);
    for (int i = dice.between(0, 3); i > 0 && stages > 2; --i) {
        int const from = dice.between(0, stages - 3);
        Link const skip{from, dice.between(from + 2, stages - 1)};
        if (std::find(links.begin(), links.end(), skip) == links.end()) { links.push_back(skip); }
    }
    return links;
}

std::string describe(ScheduleRequest const& request, std::vector<Link> const& links) {
    std::string text = fmt::format("{}, {} ranks, {} chunks, {} micro-batches, links", name_of(request.kind),
                                   request.ranks, request.chunks, request.micro_batches);
    for (Link const& link : links) { text += fmt::format(" {}-{}", link.from, link.to); }
    return text;
}

}  // namespace aureole::test
