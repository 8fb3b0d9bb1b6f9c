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

double fastest(std::vector<double> const& values) { return *std::min_element(values.begin(), values.end()); }

/// Seconds of every iteration but the first few; Google Benchmark gets them too and gives the mean.
std::vector<double> repeat(benchmark::State& state, Index warmup, std::function<double()> const& timed) {
    std::vector<double> seconds;
    for (Index i = 0; i < warmup; ++i) { static_cast<void>(timed()); }
    for (auto _ : state) {
        seconds.push_back(timed());
        state.SetIterationTime(seconds.back());
    }
    state.counters["fastest_us"] = 1e6 * fastest(seconds);
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
    state.counters["copied_bytes"] = most(exchange.bytes_copied());
    state.SetLabel(comm_.max(exchange.packs() ? 1 : 0) > 0 ? "packed" : "in place");
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
    return comm_.max(fastest(seconds));
}

void HaloBenchmarks::measure_exchange(benchmark::State& state, HaloCase const& each) {
    Box const needed = each.needed()[comm_.rank()];
    Arena const arena(TensorSpec{each.dtype, each.x, needed}.bytes());
    Tensor const with_halo = arena.tensor(0, each.dtype, needed.shape());
    HaloExchange exchange(each, comm_, with_halo);
    if (options_.validate && !accept(state, each, "strips", validate_exchange(each, comm_, exchange, with_halo))) {
        return;
    }
    Work const work = [&] {
        exchange.begin();
        exchange.finish();
    };
    auto const seconds = repeat(state, options_.warmup, [&] { return slowest_seconds(comm_, work); });
    count(state, exchange);
    state.counters["GB/s"] = 1e-9 * state.counters["sent_bytes"] / median(seconds);
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
    Work const work = [&] {
        exchange.begin();
        exchange.finish();
        tile.run();
    };
    auto const seconds = repeat(state, options_.warmup, [&] { return slowest_seconds(comm_, work); });
    count(state, exchange);
    if (!whole) { return; }
    double const undivided = whole_image_seconds(*whole);
    state.counters["whole_us"] = 1e6 * undivided;
    state.counters["speedup"] = undivided / fastest(seconds);
}

void HaloBenchmarks::measure_overlap(benchmark::State& state, HaloCase const& each) {
    TileConvolution const tile(each, each.needed()[comm_.rank()], each.results()[comm_.rank()]);
    TileConvolution const next(each, each.needed()[comm_.rank()], each.results()[comm_.rank()]);
    HaloExchange exchange(each, comm_, next.x());
    double computing_here = 0, beginning = 0, finishing = 0;
    Work const compute = [&] { computing_here = seconds_here([&] { tile.run(); }); };
    Work const begin = [&] { beginning = seconds_here([&] { exchange.begin(); }); };
    Work const finish = [&] { finishing = seconds_here([&] { exchange.finish(); }); };
    // of the rank that an exchange takes longest; what a rank waits for one whose convolution ends later is no exchange
    auto const seconds_of_exchange = [&] {
        double const late = comm_.max(computing_here) - computing_here;
        return comm_.max(beginning + std::max(0.0, finishing - late));
    };
    std::vector<double> computing, behind, around;  // in turns, so that all meet the same disturbances
    repeat(state, options_.warmup, [&] {
        (void)slowest_seconds(comm_, [&] { compute(), begin(), finish(); });
        behind.push_back(seconds_of_exchange());
        computing.push_back(comm_.max(computing_here));
        double const seconds = slowest_seconds(comm_, [&] { begin(), compute(), finish(); });
        around.push_back(seconds_of_exchange());
        return seconds;
    });
    count(state, exchange);
    state.counters["compute_us"] = 1e6 * median(computing);
    state.counters["exchange_us"] = 1e6 * median(behind);
    state.counters["exposed_us"] = 1e6 * median(around);
    if (state.counters["messages"] > 0) { state.counters["hidden"] = 1 - median(around) / median(behind); }
}

}  // namespace aureole::benchmarks
