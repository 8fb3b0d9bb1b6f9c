#include "benchmarks/halo/halo_benchmarks.hpp"

#include <algorithm>
#include <chrono>
#include <functional>

#include "benchmarks/halo/validate.hpp"

namespace aureole::benchmarks {

namespace {

using Work = std::function<void()>;

double seconds_here(Work const& work) {
    using Clock = std::chrono::steady_clock;
    auto const begin = Clock::now();
    work();
    fence("end of timed work");
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Seconds of the slowest rank; all begin together.
double slowest_seconds(Comm const& comm, Work const& work) {
    comm.barrier();
    return comm.max(seconds_here(work));
}

double median(std::vector<double> values) {
    auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Runs of which the first do not count.
std::vector<double> repeat(Comm const& comm, HaloOptions const& options, Work const& work) {
    std::vector<double> seconds;
    for (Index i = -options.warmup; i < options.iterations; ++i) {
        double const each = slowest_seconds(comm, work);
        if (i >= 0) { seconds.push_back(each); }
    }
    return seconds;
}

/// The same, with the iterations counted and averaged by Google Benchmark.
std::vector<double> repeat(benchmark::State& state, Comm const& comm, HaloOptions const& options, Work const& work) {
    std::vector<double> seconds;
    for (Index i = 0; i < options.warmup; ++i) { static_cast<void>(slowest_seconds(comm, work)); }
    for (auto _ : state) {
        seconds.push_back(slowest_seconds(comm, work));
        state.SetIterationTime(seconds.back());
    }
    state.counters["fastest_us"] = 1e6 * *std::min_element(seconds.begin(), seconds.end());
    state.counters["median_us"] = 1e6 * median(seconds);
    return seconds;
}

}  // namespace

HaloBenchmarks::HaloBenchmarks(Comm const& comm, HaloOptions options) : comm_(comm), options_(std::move(options)) {}

void HaloBenchmarks::register_all() {
    for (HaloCase const& each : halo_cases(options_, comm_.size())) {
        add("exchange", each, &HaloBenchmarks::measure_exchange);
        add("convolution", each, &HaloBenchmarks::measure_convolution);
        if (each.is_square()) { add("overlap", each, &HaloBenchmarks::measure_overlap); }
    }
}

void HaloBenchmarks::add(std::string const& name, HaloCase const& each,
                         void (HaloBenchmarks::*measure)(benchmark::State&, HaloCase const&)) {
    benchmark::RegisterBenchmark((name + "/" + each.name()).c_str(),
                                 [this, each, measure](benchmark::State& state) { (this->*measure)(state, each); })
        ->Iterations(options_.iterations)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
}

bool HaloBenchmarks::accept(benchmark::State& state, HaloCase const& each, std::string_view what,
                            std::optional<std::string> const& fault) {
    if (fault) { fmt::print(stderr, "[rank {}] {}: {}: {}\n", comm_.rank(), each.name(), what, *fault); }
    if (comm_.all(!fault)) { return true; }
    failed_ = true;
    state.SkipWithError("differs from the whole image");
    return false;
}

void HaloBenchmarks::count(benchmark::State& state, HaloExchange const& exchange) const {
    auto const most = [&](std::size_t value) { return comm_.max(static_cast<double>(value)); };
    double const sent = most(exchange.exchange().bytes_sent());
    state.counters["messages"] = most(exchange.exchange().messages_sent());
    state.counters["sent_bytes"] = sent;
    state.counters["received_bytes"] = most(exchange.bytes_received());
    bool const packs = comm_.max(exchange.packs() ? 1 : 0) > 0, copies = comm_.max(exchange.copies() ? 1 : 0) > 0;
    state.SetLabel(!packs && !copies ? "in place"
                   : !packs          ? "tile copied"
                   : !copies         ? "packed"
                                     : "packed, tile copied");
}

double HaloBenchmarks::whole_image_seconds(TileConvolution const& whole) const {
    constexpr Index most = 10;
    std::vector<double> seconds{0.0};
    comm_.barrier();
    if (comm_.rank() == 0) {
        seconds.clear();
        for (Index i = 0; i < std::min(options_.iterations, most); ++i) {
            seconds.push_back(seconds_here([&] { whole.run(); }));
        }
    }
    return comm_.max(median(seconds));
}

void HaloBenchmarks::measure_exchange(benchmark::State& state, HaloCase const& each) {
    Box const needed = each.needed()[comm_.rank()];
    Arena const arena(TensorSpec{each.dtype, each.x, needed}.bytes());
    Tensor const with_halo = arena.tensor(0, each.dtype, needed.shape());
    HaloExchange exchange(each, comm_, with_halo);
    if (options_.validate && !accept(state, each, "strips", validate_exchange(each, comm_, exchange, with_halo))) {
        return;
    }
    double const seconds = median(repeat(state, comm_, options_, [&] {
        exchange.begin();
        exchange.finish();
    }));
    count(state, exchange);
    state.counters["GB/s"] = 1e-9 * state.counters["sent_bytes"] / seconds;
}

void HaloBenchmarks::measure_convolution(benchmark::State& state, HaloCase const& each) {
    TileConvolution const tile(each, each.needed()[comm_.rank()], each.results()[comm_.rank()]);
    HaloExchange exchange(each, comm_, tile.x());
    std::optional<TileConvolution> whole;
    if (options_.whole) { whole.emplace(each, Box::whole(each.x), Box::whole(each.y())); }
    if (options_.validate && whole &&
        !accept(state, each, "convolution", validate_convolution(each, comm_, exchange, tile, *whole))) {
        return;
    }
    double const tiles = median(repeat(state, comm_, options_, [&] {
        exchange.begin();
        exchange.finish();
        tile.run();
    }));
    count(state, exchange);
    if (!whole) { return; }
    double const seconds = whole_image_seconds(*whole);
    state.counters["whole_us"] = 1e6 * seconds;
    state.counters["speedup"] = seconds / tiles;
}

void HaloBenchmarks::measure_overlap(benchmark::State& state, HaloCase const& each) {
    TileConvolution const tile(each, each.needed()[comm_.rank()], each.results()[comm_.rank()]);
    TileConvolution const next(each, each.needed()[comm_.rank()], each.results()[comm_.rank()]);
    HaloExchange exchange(each, comm_, next.x());
    double const exchanging = median(repeat(comm_, options_, [&] {
        exchange.begin();
        exchange.finish();
    }));
    double const computing = median(repeat(comm_, options_, [&] { tile.run(); }));
    double const both = median(repeat(state, comm_, options_, [&] {
        exchange.begin();
        tile.run();
        exchange.finish();
    }));
    count(state, exchange);
    state.counters["exchange_us"] = 1e6 * exchanging;
    state.counters["compute_us"] = 1e6 * computing;
    if (state.counters["messages"] > 0) { state.counters["hidden"] = 1 - (both - computing) / exchanging; }
}

}  // namespace aureole::benchmarks
