// The build with an emulated device (core/tensor/emulated_device.hpp); other builds skip this.
#include <gtest/gtest.h>

#include "core/config.hpp"
#include "core/kernels/launch.hpp"
#include "unit_tests/support/device_buffer.hpp"

namespace aureole::test {
namespace {

struct Double {
    double* values;
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) { values[i] *= 2; }
    }
};

TEST(EmulatedDevice, KernelsTouchItsMemoryAndHostCodeCannot) {
    if (!AUREOLE_EMULATE_DEVICE) { GTEST_SKIP() << "this build emulates no device"; }
    ::testing::FLAGS_gtest_death_test_style = "threadsafe";
    DeviceBuffer const buffer(TensorSpec::whole(DType::f64, {1, 1, 1, 1, 3}));
    buffer.upload({{1, 1, 1, 1, 3}, DType::f64, {1, 2, 3}});
    auto* const values = reinterpret_cast<double*>(buffer.data());
    for_elements("aureole::test::double", 3, Double{values});
    EXPECT_EQ(buffer.download().values, (std::vector<double>{2, 4, 6}));
    EXPECT_DEATH(values[0] = 1, "");
}

}  // namespace
}  // namespace aureole::test
