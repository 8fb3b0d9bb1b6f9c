// Every kernel launch carries a label, so that profilers can name it.
#include <gtest/gtest.h>

#include <Kokkos_Core.hpp>
#include <set>

#include "unit_tests/parallel/program/networks.hpp"

namespace aureole::test {
namespace {

std::multiset<std::string>* launches = nullptr;

void record(char const* name, std::uint32_t /*device*/, std::uint64_t* id) {
    *id = 0;
    if (launches != nullptr) { launches->insert(name); }
}

class Recorder {
  public:
    Recorder() : before_(Kokkos::Tools::Experimental::get_callbacks()) {
        launches = &names;
        Kokkos::Tools::Experimental::set_begin_parallel_for_callback(record);
        Kokkos::Tools::Experimental::set_begin_parallel_reduce_callback(record);
        Kokkos::Tools::Experimental::set_begin_parallel_scan_callback(record);
    }
    Recorder(Recorder const&) = delete;
    Recorder& operator=(Recorder const&) = delete;
    ~Recorder() {
        launches = nullptr;
        Kokkos::Tools::Experimental::set_callbacks(before_);
    }
    std::multiset<std::string> names;

  private:
    Kokkos::Tools::Experimental::EventSet before_;
};

TEST(Label, EveryLaunchOfAStepIsNamed) {
    for (NamedSpec const& each : small_networks()) {
        SCOPED_TRACE(each.name);
        NetworkRunner const runner(each.spec);
        runner.write_random();
        std::size_t kernels = 0;
        for (Step const& step : runner.program().steps()) { kernels += step.kernel ? 1 : 0; }
        Recorder const recorder;
        runner.run();
        EXPECT_GE(recorder.names.size(), kernels) << "each kernel launches at least once";
        for (std::string const& name : recorder.names) {
            EXPECT_EQ(name.rfind("aureole::", 0), 0U) << "label '" << name << "'";
        }
        EXPECT_GT(std::set<std::string>(recorder.names.begin(), recorder.names.end()).size(), 8U);
    }
}

}  // namespace
}  // namespace aureole::test
