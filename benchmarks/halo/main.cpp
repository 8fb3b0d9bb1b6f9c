/// Halo exchanges and what they cost; see halo_usage() or --help.
#include <Kokkos_Core.hpp>
#include <algorithm>

#include "benchmarks/halo/halo_benchmarks.hpp"

namespace {

using namespace aureole;
using namespace aureole::benchmarks;

/// Every rank runs, rank 0 reports.
class SilentReporter : public benchmark::BenchmarkReporter {
  public:
    SilentReporter() { SetOutputStream(&nowhere_); }
    bool ReportContext(Context const& /*context*/) override { return true; }
    void ReportRuns(std::vector<Run> const& /*report*/) override {}

  private:
    std::ostream nowhere_{nullptr};
};

/// Hands the words to Google Benchmark, which keeps the first. False if it does not know one.
bool initialize(std::vector<std::string>& words, bool root) {
    if (!root) { words.emplace_back("--benchmark_out="); }
    std::vector<char*> pointers;
    for (std::string& word : words) { pointers.push_back(word.data()); }
    auto count = static_cast<int>(pointers.size());
    benchmark::Initialize(&count, pointers.data());
    return root ? !benchmark::ReportUnrecognizedArguments(count, pointers.data()) : count == 1;
}

ExitCode run(Comm const& comm, std::vector<std::string> words) {
    bool const root = comm.rank() == 0;
    if (std::find(words.begin(), words.end(), "--help") != words.end()) {
        if (root) { fmt::print("{}", halo_usage()); }
        return ExitCode::success;
    }
    HaloBenchmarks halo(comm, parse_halo_options(words));
    if (!initialize(words, root)) { return ExitCode::bad_deck; }
    halo.register_all();
    if (root) {
        benchmark::RunSpecifiedBenchmarks();
    } else {
        SilentReporter silent;
        benchmark::RunSpecifiedBenchmarks(&silent);
    }
    return halo.failed() ? ExitCode::differs : ExitCode::success;
}

}  // namespace

int main(int argc, char** argv) {
    Environment const mpi(&argc, &argv);
    Comm const comm = Comm::world();
    try {
        Kokkos::ScopeGuard const kokkos(argc, argv);
        return static_cast<int>(run(comm, {argv, argv + argc}));
    } catch (Error const& error) {
        fmt::print(stderr, "[rank {}] {}\n", comm.rank(), error.what());
        Environment::abort(static_cast<int>(error.code()));
    } catch (std::exception const& error) {
        fmt::print(stderr, "[rank {}] {}\n", comm.rank(), error.what());
        Environment::abort(static_cast<int>(ExitCode::internal));
    }
}
