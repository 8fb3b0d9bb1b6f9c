#include "parallel/schedule/measured.hpp"

namespace aureole {

namespace {

struct Mean {
    double sum = 0;
    int count = 0;
    void add(double value) {
        sum += value;
        ++count;
    }
    [[nodiscard]] double value() const { return count > 0 ? sum / count : 0; }
};

struct StageMeans {
    Mean forward, input_gradient, weight_gradient;
};

}  // namespace

Costs measured_costs(std::span<Event const> events, int stages) {
    std::vector<StageMeans> means(static_cast<std::size_t>(stages));
    for (Event const& event : events) {
        StageMeans& stage = means[static_cast<std::size_t>(event.stage)];
        double const seconds = event.end - event.start;
        switch (event.op) {
            case Op::forward: stage.forward.add(seconds); break;
            case Op::backward:
            case Op::input_gradient: stage.input_gradient.add(seconds); break;
            case Op::weight_gradient: stage.weight_gradient.add(seconds); break;
            default: break;
        }
    }
    Costs costs;
    for (StageMeans const& each : means) {
        costs.stages.push_back({each.forward.value(), each.input_gradient.value(), each.weight_gradient.value()});
    }
    return costs;
}

}  // namespace aureole
